package dev.penstock.routing;

import java.io.IOException;
import java.net.SocketTimeoutException;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

import org.jspecify.annotations.Nullable;
import org.xbill.DNS.CNAMERecord;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Header;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.OPTRecord;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.SOARecord;
import org.xbill.DNS.Section;
import org.xbill.DNS.Type;

/**
 * Thread-safe stub resolver: asks recursive servers, follows aliases, fails over. Callers block, so they are virtual
 * threads; at most {@code maxInFlight} of them ask at one time, the others wait their turn. dnsjava reads and writes the
 * messages; its own clients, cache, hosts file and search path aren't used.
 */
final class DnsClient {
    /** resolv.conf(5) "attempts": how often each server is asked before the question is given up. */
    private static final int ROUNDS = 2;
    /** As many aliases as unbound follows by default (max-query-restarts: 11). */
    private static final int MAX_ALIASES = 11;

    private final NameServers servers;
    private final Duration timeout;
    private final Semaphore places;
    private final int maxInFlight;
    private final DnsExchange exchange;
    private final DnsCounters counters;
    private final SecureRandom ids = new SecureRandom();

    DnsClient(NameServers servers, Duration timeout, int maxInFlight, DnsCounters counters) {
        this.servers = servers;
        this.timeout = timeout;
        this.maxInFlight = maxInFlight;
        this.counters = counters;
        places = new Semaphore(maxInFlight, true);
        exchange = new DnsExchange(counters);
    }

    /** Blocks until {@code deadline} ({@link System#nanoTime}) at the latest. */
    DnsAnswer query(Name name, int type, long deadline) {
        Name current = name;
        long ttl = Long.MAX_VALUE;
        for (int aliases = 0; aliases <= MAX_ALIASES;) {
            @Nullable
            Message answer;
            try {
                answer = askInTurn(current, type, deadline);
            } catch (DnsTroubleException e) {
                return e.trouble;
            }
            List<Record> found = new ArrayList<>(2);
            // Servers send the aliases in order, but nothing obliges them to.
            boolean moved;
            do {
                moved = false;
                for (Record record : answer.getSection(Section.ANSWER)) {
                    if (!record.getName().equals(current) || record.getDClass() != DClass.IN) {
                        continue;
                    }
                    if (record.getType() == type) {
                        found.add(record);
                        ttl = Math.min(ttl, record.getTTL());
                    } else if (record instanceof CNAMERecord alias && found.isEmpty()) {
                        current = alias.getTarget();
                        ttl = Math.min(ttl, alias.getTTL());
                        aliases++;
                        moved = true;
                        break;
                    }
                }
            } while (moved && aliases <= MAX_ALIASES);
            if (!found.isEmpty()) {
                return new DnsAnswer.Records(List.copyOf(found), ttl);
            }
            if (moved) {
                break; // too many
            }
            long negativeTtl = negativeTtl(answer, ttl);
            if (answer.getRcode() == Rcode.NXDOMAIN) {
                return new DnsAnswer.NoSuchName(negativeTtl); // RFC 6604 3: of the last name in the chain
            }
            boolean asked = current.equals(questionOf(answer));
            if (asked || negativeTtl >= 0) {
                return new DnsAnswer.NoRecords(negativeTtl);
            }
            // The chain leads out of what this answer holds: ask for its end.
        }
        return new DnsAnswer.Trouble(DnsAnswer.Kind.SERVER_FAILURE,
                "more than " + MAX_ALIASES + " aliases (CNAME) from " + name + " on");
    }

    int inFlight() {
        return maxInFlight - places.availablePermits();
    }

    int waiting() {
        return places.getQueueLength();
    }

    private Message askInTurn(Name name, int type, long deadline) {
        boolean mine = false;
        try {
            mine = places.tryAcquire(Math.max(0, deadline - System.nanoTime()), TimeUnit.NANOSECONDS);
            if (!mine) {
                throw new DnsTroubleException(DnsAnswer.Kind.TIMEOUT, maxInFlight + " queries are in flight already");
            }
            return ask(name, type, deadline);
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
            throw new DnsTroubleException(DnsAnswer.Kind.TIMEOUT, "interrupted");
        } finally {
            if (mine) {
                places.release();
            }
        }
    }

    private Message ask(Name name, int type, long deadline) {
        List<NameServers.Server> refused = new ArrayList<>(0);
        DnsTroubleException last = new DnsTroubleException(DnsAnswer.Kind.TIMEOUT, "no time left");
        for (int round = 0; round < ROUNDS; round++) {
            for (NameServers.Server server : servers.inOrder(System.nanoTime())) {
                long now = System.nanoTime();
                if (deadline - now <= 0) {
                    throw last;
                }
                if (refused.contains(server)) {
                    continue; // it has said no: once more won't change that
                }
                long until = now + Math.min(timeout.toNanos(), deadline - now);
                try {
                    Message answer = askOne(server, name, type, until);
                    server.answered();
                    int rcode = answer.getRcode();
                    if (rcode == Rcode.NOERROR || rcode == Rcode.NXDOMAIN) {
                        return answer;
                    }
                    counters.serverFailures.increment();
                    refused.add(server);
                    last = new DnsTroubleException(DnsAnswer.Kind.SERVER_FAILURE,
                            Rcode.string(rcode) + " from " + server);
                } catch (SocketTimeoutException _) {
                    counters.timeouts.increment();
                    server.silent(System.nanoTime());
                    last = new DnsTroubleException(DnsAnswer.Kind.TIMEOUT, "no answer from " + server);
                } catch (IOException e) {
                    // port closed, network unreachable, broken TCP: nobody is there
                    counters.serverFailures.increment();
                    server.silent(System.nanoTime());
                    refused.add(server);
                    last = new DnsTroubleException(DnsAnswer.Kind.SERVER_FAILURE, server + ": " + e.getMessage());
                }
            }
        }
        throw last;
    }

    private Message askOne(NameServers.Server server, Name name, int type, long until) throws IOException {
        counters.queries.increment();
        Message answer = exchange.ask(server.address(), question(name, type, true), until);
        if (answer.getRcode() == Rcode.FORMERR || answer.getRcode() == Rcode.NOTIMP) {
            // RFC 6891 6.2.2: perhaps it is older than EDNS
            counters.queries.increment();
            return exchange.ask(server.address(), question(name, type, false), until);
        }
        return answer;
    }

    private Message question(Name name, int type, boolean edns) {
        Message query = new Message(ids.nextInt(1 << Short.SIZE));
        Header header = query.getHeader();
        header.setFlag(Flags.RD);
        query.addRecord(Record.newRecord(name, type, DClass.IN), Section.QUESTION);
        if (edns) {
            query.addRecord(new OPTRecord(DnsExchange.UDP_PAYLOAD, 0, 0), Section.ADDITIONAL);
        }
        return query;
    }

    private static @Nullable Name questionOf(Message answer) {
        @Nullable
        Record question = answer.getQuestion();
        return question == null ? null : question.getName();
    }

    /** RFC 2308 5: the lesser of the SOA's own TTL and its minimum field. -1 without a SOA. */
    private static long negativeTtl(Message answer, long aliasTtl) {
        for (Record record : answer.getSection(Section.AUTHORITY)) {
            if (record instanceof SOARecord soa && record.getType() == Type.SOA) {
                return Math.min(aliasTtl, Math.min(soa.getTTL(), soa.getMinimum()));
            }
        }
        return -1;
    }

    /** Leaves {@link #query} as a value. */
    private static final class DnsTroubleException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        private final transient DnsAnswer.Trouble trouble;

        DnsTroubleException(DnsAnswer.Kind kind, String why) {
            super(why, null, false, false);
            trouble = new DnsAnswer.Trouble(kind, why);
        }
    }
}
