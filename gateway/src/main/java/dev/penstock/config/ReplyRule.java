package dev.penstock.config;

import java.time.Duration;
import java.util.List;
import java.util.Set;

import org.jspecify.annotations.Nullable;

import dev.penstock.smtp.EnhancedStatus;

/**
 * One rule of a classification file: for which replies it is, and what they mean. Immutable. A condition that is empty
 * holds for every reply.
 *
 * @param file       where it stands, for people
 * @param line       from 1
 * @param providers  lower case
 * @param codes      400 to 599
 * @param enhanced   any of them
 * @param phases     any of them
 * @param texts      regular expressions (RE2's), any of which is found
 * @param wholeLine  whether they are for the line with code and status, case as written; else for the text alone, in any
 *                   case
 * @param classOnly  whether the class is all it says: whom it is about, and what is done, another rule says
 * @param retryAfter zero for what the schedule says; else at least this
 * @param suspend    zero for not; else how long the mail of whom it is about waits
 * @param reduce     whether the receiver is offered fewer sessions from now on
 */
public record ReplyRule(String file, int line, Set<String> providers, Set<Integer> codes, List<StatusPattern> enhanced,
        Set<ReplyPhase> phases, List<String> texts, boolean wholeLine, boolean classOnly, String bounceClass,
        BounceCategory category, ReplyScope scope, ReplyAction action, Duration retryAfter, Duration suspend,
        boolean reduce) {
    public ReplyRule {
        providers = Set.copyOf(providers);
        codes = Set.copyOf(codes);
        enhanced = List.copyOf(enhanced);
        phases = Set.copyOf(phases);
        texts = List.copyOf(texts);
    }

    /** {@code file:line}. */
    public String place() {
        return file + ":" + line;
    }

    /** {@code 5.7.1} or {@code x.7.x}: {@link #ANY} stands for every number. */
    public record StatusPattern(int klass, int subject, int detail) {
        public static final int ANY = -1;

        public boolean matches(@Nullable EnhancedStatus status) {
            return status != null && (klass == ANY || klass == status.klass())
                    && (subject == ANY || subject == status.subject()) && (detail == ANY || detail == status.detail());
        }

        static StatusPattern parse(String text) {
            String[] parts = text.split("\\.", -1);
            if (parts.length != 3 || !parts[0].matches("[45xX]") || !parts[1].matches("\\d{1,3}|[xX]")
                    || !parts[2].matches("\\d{1,3}|[xX]")) {
                throw new IllegalArgumentException("expected an enhanced status, like \"5.7.1\" or \"x.7.x\"");
            }
            return new StatusPattern(number(parts[0]), number(parts[1]), number(parts[2]));
        }

        private static int number(String part) {
            return part.equalsIgnoreCase("x") ? ANY : Integer.parseInt(part);
        }
    }
}
