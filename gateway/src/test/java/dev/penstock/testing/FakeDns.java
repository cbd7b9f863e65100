package dev.penstock.testing;

import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;

import org.jspecify.annotations.Nullable;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Message;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.Section;
import org.xbill.DNS.Type;

import dev.penstock.routing.ZoneServer;

/**
 * A real DNS server on a loopback port of its own whose answers can be made wrong, late or missing, and whose questions
 * are counted. Thread-safe. Names are given without a trailing dot.
 */
public final class FakeDns extends ZoneServer {
    private final Queue<String> questions = new ConcurrentLinkedQueue<>();
    /** With their numbers: what is sent again has the number of the first time. */
    private final Set<String> seen = ConcurrentHashMap.newKeySet();
    private final Queue<String> datagrams = new ConcurrentLinkedQueue<>();
    private final Map<String, Integer> rcodes = new ConcurrentHashMap<>();
    private final Set<String> silent = ConcurrentHashMap.newKeySet();
    private final Set<String> lost = ConcurrentHashMap.newKeySet();
    private final Set<String> truncated = ConcurrentHashMap.newKeySet();
    private final Set<String> forged = ConcurrentHashMap.newKeySet();
    private final Set<String> aliasOnly = ConcurrentHashMap.newKeySet();
    private final Map<String, CountDownLatch> gates = new ConcurrentHashMap<>();
    private volatile boolean allSilent;
    private volatile boolean withoutEdns;
    private volatile Executor pace = Runnable::run;

    public FakeDns() {
        super(0);
    }

    @Override
    public FakeDns start() {
        super.start();
        return this;
    }

    /** All questions for the name fail, whatever their type. */
    public void fail(String name, int rcode) {
        rcodes.put(name, rcode);
    }

    /** Only questions for this type ({@code AAAA}) of the name fail. */
    public void failType(String name, String type, int rcode) {
        fail(type + " " + name, rcode);
    }

    public void servfail(String name) {
        fail(name, Rcode.SERVFAIL);
    }

    /** Questions for the name get no answer. */
    public void silence(String name) {
        silent.add(name);
    }

    /** The name's next question gets no answer, as when a datagram is lost. */
    public void loseOne(String name) {
        lost.add(name);
    }

    /** No question gets an answer, until {@link #speak}. */
    public void silenceAll() {
        allSilent = true;
    }

    public void speak() {
        allSilent = false;
    }

    /** Ends every fault of the name. */
    public void heal(String name) {
        rcodes.remove(name);
        silent.remove(name);
        truncated.remove(name);
        forged.remove(name);
    }

    /** Over UDP the name's answers are empty and say TC. */
    public void truncate(String name) {
        truncated.add(name);
    }

    /** The answer has another question in it. */
    public void forge(String name) {
        forged.add(name);
    }

    /** Answers hold the name's alias and not what it leads to, as those of a server without the other zone. */
    public void answerAliasOnly(String name) {
        aliasOnly.add(name);
    }

    /** Queries with EDNS get FORMERR and nothing but a header, as from servers of the last century. */
    public void forgetEdns() {
        withoutEdns = true;
    }

    /** Holds the name's answers, and with them the UDP server, until the latch is counted down. */
    public CountDownLatch hold(String name) {
        CountDownLatch gate = new CountDownLatch(1);
        gates.put(name, gate);
        return gate;
    }

    /** Answers over UDP are that late, however many at one time. */
    public FakeDns delay(Duration delay) {
        pace = CompletableFuture.delayedExecutor(delay.toNanos(), TimeUnit.NANOSECONDS, Thread::startVirtualThread);
        return this;
    }

    @Override
    protected void handle(Runnable datagram) {
        pace.execute(datagram);
    }

    /**
     * Questions so far, as {@code MX example.com} or {@code TCP MX example.com}. One that is sent again, since its
     * answer is missing or late, counts once.
     */
    public List<String> questions() {
        return List.copyOf(questions);
    }

    public long count(String question) {
        return questions.stream().filter(question::equals).count();
    }

    /** How often {@code MX example.com} has come over UDP, be it the same question again. */
    public long datagrams(String question) {
        return datagrams.stream().filter(question::equals).count();
    }

    @Override
    protected @Nullable Message answer(Message query, boolean overTcp) {
        String name = query.getQuestion().getName().toString(true).toLowerCase(Locale.ROOT);
        String asked = Type.string(query.getQuestion().getType()) + " " + name;
        if (!overTcp) {
            datagrams.add(asked);
        }
        if (seen.add(query.getHeader().getID() + (overTcp ? " TCP " : " ") + asked)) {
            questions.add((overTcp ? "TCP " : "") + asked);
        }
        CountDownLatch gate = gates.get(name);
        if (gate != null) {
            try {
                gate.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        if (allSilent || silent.contains(name) || lost.remove(name)) {
            return null;
        }
        if (withoutEdns && query.getOPT() != null) {
            Message refusal = new Message(query.getHeader().getID());
            refusal.getHeader().setFlag(Flags.QR);
            refusal.getHeader().setRcode(Rcode.FORMERR);
            return refusal;
        }
        Message answer = super.answer(query, overTcp);
        String type = Type.string(query.getQuestion().getType());
        Integer rcode = rcodes.getOrDefault(type + " " + name, rcodes.get(name));
        if (rcode != null) {
            answer.removeAllRecords(Section.ANSWER);
            answer.removeAllRecords(Section.AUTHORITY);
            answer.getHeader().setRcode(rcode);
        }
        if (truncated.contains(name) && !overTcp) {
            answer.removeAllRecords(Section.ANSWER);
            answer.getHeader().setFlag(Flags.TC);
        }
        if (forged.contains(name)) {
            Record question = answer.getQuestion();
            answer.removeAllRecords(Section.QUESTION);
            answer.addRecord(Record.newRecord(question.getName(), Type.TXT, question.getDClass()), Section.QUESTION);
        }
        if (aliasOnly.contains(name)) {
            for (Record record : answer.getSection(Section.ANSWER)) {
                if (record.getType() != Type.CNAME || !record.getName().equals(query.getQuestion().getName())) {
                    answer.removeRecord(record, Section.ANSWER);
                }
            }
            answer.removeAllRecords(Section.AUTHORITY);
            answer.getHeader().setRcode(Rcode.NOERROR);
        }
        return answer;
    }
}
