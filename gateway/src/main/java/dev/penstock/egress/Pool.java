package dev.penstock.egress;

import java.util.BitSet;
import java.util.List;
import java.util.function.Predicate;

import org.jspecify.annotations.Nullable;

/**
 * Sources that share mail by their weights. Immutable.
 *
 * @param name    as it is configured
 * @param members at least one
 * @param sticky  whether a message keeps its source over its attempts
 */
public record Pool(String name, List<Member> members, boolean sticky) {
    /** @param weight at least 1 */
    public record Member(String source, int weight) {}

    public Pool {
        members = List.copyOf(members);
        if (members.isEmpty() || members.stream().anyMatch(member -> member.weight() < 1)) {
            throw new IllegalArgumentException("pool " + name + " needs members of weight 1 or more, not " + members);
        }
    }

    /** Where one of its messages falls: an argument for {@link #choose}. */
    public long draw(long messageId, int attempts) {
        return sticky ? Draw.of(messageId) : Draw.of(messageId, attempts);
    }

    /**
     * The source whose share {@code draw} falls into. The share of one that doesn't take the message goes to the others
     * by their weights; no other message changes its source by that.
     *
     * @param draw  a fraction of 2^64, unsigned
     * @param takes asked for each source in turn until one takes it; for none twice
     * @return null when none takes it
     */
    public @Nullable String choose(long draw, Predicate<String> takes) {
        long fraction = draw;
        long left = weight();
        BitSet refused = null;
        while (left > 0) {
            long place = Math.unsignedMultiplyHigh(fraction, left);
            long rest = fraction * left;
            int at = -1;
            do {
                at = refused == null ? at + 1 : refused.nextClearBit(at + 1);
                place -= members.get(at).weight();
            } while (place >= 0);
            Member member = members.get(at);
            if (takes.test(member.source())) {
                return member.source();
            }
            if (refused == null) {
                refused = new BitSet(members.size());
            }
            refused.set(at);
            left -= member.weight();
            // Where in that one's share it fell is where it falls among the others: as even as before.
            fraction = (place + member.weight()) * Long.divideUnsigned(-1, member.weight())
                    + Long.divideUnsigned(rest, member.weight());
        }
        return null;
    }

    private long weight() {
        long sum = 0;
        for (Member member : members) {
            sum += member.weight();
        }
        return sum;
    }

    public boolean has(String source) {
        return members.stream().anyMatch(member -> member.source().equals(source));
    }
}
