package dev.penstock.routing;

import java.io.IOException;
import java.net.SocketTimeoutException;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;

import org.jspecify.annotations.Nullable;
import org.xbill.DNS.CNAMERecord;
import org.xbill.DNS.DClass;
import org.xbill.DNS.ExtendedFlags;
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

import dev.penstock.config.DnsConfig;
import dev.penstock.config.Dnssec;

/**
 * Thread-safe stub resolver: asks recursive servers, follows aliases, fails over. Callers never block; each question
 * waits at the {@link QuestionGate} for its place and is then asked on a virtual thread. dnsjava reads and writes the
 * messages; its own clients, cache, hosts file and search path aren't used.
 */
final class DnsClient {
    /** resolv.conf(5) "attempts": how often each server is asked before the question is given up. */
    private static final int ROUNDS = 2;
    /** As many aliases as unbound follows by default (max-query-restarts: 11). */
    private static final int MAX_ALIASES = 11;

    private final NameServers servers;
    private final Duration timeout;
    private final Duration deadline;
    private final QuestionGate gate;
    private final DnsExchange exchange;
    private final DnsCounters counters;
    private final Dnssec dnssec;
    /** Null unless answers are validated here. */
    private final @Nullable Validator validator;
    private final SecureRandom ids = new SecureRandom();
    /** Set once, when a configuration replaces this one. */
    private volatile @Nullable DnsClient successor;

    /**
     * @param config   its limits; {@code deadline} is that of one question with all its servers, repeats and aliases
     * @param executor a virtual thread per task
     * @throws IllegalArgumentException when the trust anchor can't be used
     */
    DnsClient(NameServers servers, DnsConfig config, Executor executor, DnsCounters counters) {
        this.servers = servers;
        this.timeout = config.timeout();
        this.deadline = config.deadline();
        this.counters = counters;
        Executor afterPause = CompletableFuture.delayedExecutor(QuestionGate.PROBE_PAUSE.toNanos(),
                TimeUnit.NANOSECONDS, executor);
        gate = new QuestionGate(this::ask, executor, afterPause, config.maxInFlight(), System::nanoTime);
        exchange = new DnsExchange(counters);
        dnssec = config.dnssec();
        validator = dnssec == Dnssec.VALIDATE
                ? new Validator(config.trustAnchor(), this::askForValidation, executor)
                : null;
    }

    /** Completes on a virtual thread, within the deadline from when the question leaves; never fails. */
    CompletableFuture<DnsAnswer> query(Name name, int type, Question.Rank rank) {
        @Nullable
        DnsClient next = successor;
        if (next != null) {
            return next.query(name, type, rank);
        }
        Question question = new Question(name, type, rank, System.nanoTime());
        gate.submit(question);
        passOn(); // it may have come after the rest was handed over
        return question.answer;
    }

    /** From now on {@code next} asks everything, also what waits here. */
    void handOver(DnsClient next) {
        successor = next;
        passOn();
    }

    private void passOn() {
        @Nullable
        DnsClient next = successor;
        if (next != null) {
            gate.withdraw().forEach(next.gate::submit);
        }
    }

    QuestionGate gate() {
        return gate;
    }

    /** Blocks until the deadline at the latest. */
    private DnsAnswer ask(Question question) {
        return resolve(question.name, question.type, System.nanoTime() + deadline.toNanos());
    }

    private DnsAnswer resolve(Name name, int type, long until) {
        Name current = name;
        long ttl = Long.MAX_VALUE;
        boolean secure = dnssec != Dnssec.OFF;
        for (int aliases = 0; aliases <= MAX_ALIASES;) {
            @Nullable
            Message answer;
            try {
                answer = validator == null
                        ? askServers(question(current, type), until)
                        : validated(validator, current, type, until);
                secure &= answer.getHeader().getFlag(Flags.AD);
            } catch (DnsTroubleException e) {
                return current.equals(name)
                        ? e.trouble
                        : new DnsAnswer.Trouble(DnsAnswer.Kind.FAILURE, e.trouble.why());
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
                return new DnsAnswer.Records(List.copyOf(KeptRecords.of(found)), ttl, secure);
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
                return new DnsAnswer.NoRecords(negativeTtl, secure);
            }
            // The chain leads out of what this answer holds: ask for its end.
        }
        return new DnsAnswer.Trouble(DnsAnswer.Kind.FAILURE,
                "more than " + MAX_ALIASES + " aliases (CNAME) from " + name + " on");
    }

    private static Message validated(Validator validator, Name name, int type, long until) {
        Message answer = validator.ask(name, type, until);
        int rcode = answer.getRcode();
        if (rcode != Rcode.NOERROR && rcode != Rcode.NXDOMAIN) {
            throw new DnsTroubleException(true, Rcode.string(rcode) + Validator.reason(answer));
        }
        return answer;
    }

    /** What the validator wants to know, within the deadline that a question of its own would have. */
    private Message askForValidation(Message query) {
        Message own = query.clone();
        own.getHeader().setID(ids.nextInt(1 << Short.SIZE));
        own.getHeader().setFlag(Flags.CD); // RFC 4035 3.2.2: we judge it ourselves
        own.removeAllRecords(Section.ADDITIONAL);
        own.addRecord(new OPTRecord(DnsExchange.UDP_PAYLOAD, 0, 0, ExtendedFlags.DO), Section.ADDITIONAL);
        return askServers(own, System.nanoTime() + deadline.toNanos());
    }

    private Message askServers(Message query, long until) {
        List<NameServers.Server> refused = new ArrayList<>(0);
        String last = "no time left";
        boolean heard = false;
        for (int round = 0; round < ROUNDS; round++) {
            for (NameServers.Server server : servers.inOrder(System.nanoTime())) {
                long now = System.nanoTime();
                if (until - now <= 0) {
                    throw new DnsTroubleException(heard, last);
                }
                if (refused.contains(server)) {
                    continue; // it has said no: once more won't change that
                }
                try {
                    Message answer = askOne(server, query, now + Math.min(timeout.toNanos(), until - now));
                    server.answered();
                    int rcode = answer.getRcode();
                    if (rcode == Rcode.NOERROR || rcode == Rcode.NXDOMAIN) {
                        return answer;
                    }
                    counters.serverFailures.increment();
                    refused.add(server);
                    heard = true;
                    last = Rcode.string(rcode) + " from " + server;
                } catch (SocketTimeoutException _) {
                    counters.timeouts.increment();
                    server.silent(System.nanoTime());
                    last = "no answer from " + server;
                } catch (IOException e) {
                    // port closed, network unreachable, broken TCP: nobody is there
                    counters.serverFailures.increment();
                    server.silent(System.nanoTime());
                    refused.add(server);
                    last = server + ": " + e.getMessage();
                }
            }
        }
        throw new DnsTroubleException(heard, last);
    }

    private Message askOne(NameServers.Server server, Message query, long until) throws IOException {
        counters.queries.increment();
        Message answer = exchange.ask(server.address(), query, until);
        if (answer.getRcode() == Rcode.FORMERR || answer.getRcode() == Rcode.NOTIMP) {
            // RFC 6891 6.2.2: perhaps it is older than EDNS
            counters.queries.increment();
            Message plain = query.clone();
            plain.removeAllRecords(Section.ADDITIONAL);
            plain.getHeader().setID(ids.nextInt(1 << Short.SIZE));
            return exchange.ask(server.address(), plain, until);
        }
        return answer;
    }

    private Message question(Name name, int type) {
        Message query = new Message(ids.nextInt(1 << Short.SIZE));
        Header header = query.getHeader();
        header.setFlag(Flags.RD);
        if (dnssec == Dnssec.TRUST_RESOLVER) { // RFC 6840 5.7: tell us
            header.setFlag(Flags.AD);
        }
        query.addRecord(Record.newRecord(name, type, DClass.IN), Section.QUESTION);
        query.addRecord(new OPTRecord(DnsExchange.UDP_PAYLOAD, 0, 0), Section.ADDITIONAL);
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

    /** Leaves {@link #resolve} as a value. */
    private static final class DnsTroubleException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        private final transient DnsAnswer.Trouble trouble;

        /** @param heard whether a server said anything */
        DnsTroubleException(boolean heard, String why) {
            super(why, null, false, false);
            trouble = new DnsAnswer.Trouble(heard ? DnsAnswer.Kind.FAILURE : DnsAnswer.Kind.SILENCE, why);
        }
    }
}
