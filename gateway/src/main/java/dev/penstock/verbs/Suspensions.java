package dev.penstock.verbs;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.egress.SourceHealth;
import dev.penstock.egress.SourceHealth.Cause;
import dev.penstock.egress.SourceHealth.Scope;
import dev.penstock.queue.MailQueue;
import dev.penstock.queue.NamePattern;
import dev.penstock.queue.OperatorSuspension;
import dev.penstock.queue.Selection;
import dev.penstock.units.CheckedLines;
import dev.penstock.units.WholeFile;

/**
 * What operators have suspended. Thread-safe; changes block for the disk.
 *
 * <p>A suspension is in force once it is in the file, which is written whole, and until a file without it stands: after a
 * restart the same are in force. One that names sources alone, or sources with sites or with providers, by their whole names, takes these
 * sources out of use: mail goes by the others of its pools. Any other keeps mail back where it waits.
 */
public final class Suspensions {
    private static final Logger log = LoggerFactory.getLogger(Suspensions.class);
    /** Mail that comes is held against each. */
    static final int MOST = 1_000;
    static final int MAX_FILE = 16 << 20;
    private static final String HEAD = "penstock-suspensions-1";
    private static final String SUSPENSION = "suspension";

    /** Guards all changes, and the file. */
    private final ReentrantLock lock = new ReentrantLock();
    private final Path file;
    private final MailQueue queue;
    private final SourceHealth health;
    private final InstantSource clock;
    private volatile List<OperatorSuspension> all;
    private long nextNumber;
    /** Sources that are out of use because of these. */
    private Map<SourceScope, OperatorSuspension> sources = Map.of();

    private record SourceScope(String source, Scope scope) {}

    private record Kept(long nextNumber, List<OperatorSuspension> suspensions) {}

    private Suspensions(Path file, MailQueue queue, SourceHealth health, InstantSource clock, Kept kept) {
        this.file = file;
        this.queue = queue;
        this.health = health;
        this.clock = clock;
        this.nextNumber = kept.nextNumber;
        this.all = kept.suspensions;
    }

    /**
     * With what stood when the last one was written; it is in force when this returns. A file that is damaged, or too large
     * to be read, is set aside, and its suspensions are over: the log says so.
     *
     * @param directory the spool's
     * @throws IOException when it can't be read, or is somebody else's
     */
    public static Suspensions open(Path directory, MailQueue queue, SourceHealth health, InstantSource clock)
            throws IOException {
        Path file = directory.resolve("suspensions");
        Suspensions opened = new Suspensions(file, queue, health, clock, read(file));
        opened.apply(opened.standing());
        return opened;
    }

    /**
     * Keeps mail back.
     *
     * @param untilMillis since 1970; 0 for until it is resumed
     * @throws IOException              when it can't be recorded: nothing is suspended then
     * @throws IllegalArgumentException when that mail can't be suspended, with a sentence for people
     */
    public OperatorSuspension suspend(Selection mail, long untilMillis, String who, String why) throws IOException {
        lock.lock();
        try {
            long now = clock.millis();
            if (untilMillis != 0 && untilMillis <= now) {
                throw new IllegalArgumentException("the end " + Instant.ofEpochMilli(untilMillis) + " is over");
            }
            List<OperatorSuspension> next = new ArrayList<>(standing());
            if (next.size() >= MOST) {
                throw new IllegalArgumentException(MOST + " suspensions stand: resume some first");
            }
            OperatorSuspension made = new OperatorSuspension("s" + nextNumber, mail, now, untilMillis, who, why);
            next.add(made);
            write(nextNumber + 1, next);
            nextNumber++;
            apply(next);
            log.info("event=mail-suspended suspension={} mail={} until={} who={} why={}", made.id(), mail,
                    untilMillis == 0 ? "resumed" : Instant.ofEpochMilli(untilMillis), who, why);
            return made;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Lets mail go on, at the pace that it may.
     *
     * @return what ends; empty when there is no such
     * @throws IOException when that can't be recorded: the suspension stands then
     */
    public Optional<OperatorSuspension> resume(String id, String who, String why) throws IOException {
        lock.lock();
        try {
            Optional<OperatorSuspension> ended = standing().stream().filter(each -> each.id().equals(id)).findFirst();
            if (ended.isPresent()) {
                List<OperatorSuspension> next = standing().stream().filter(each -> !each.id().equals(id)).toList();
                write(nextNumber, next);
                apply(next);
                log.info("event=mail-resumed suspension={} mail={} who={} why={}", id, ended.get().mail(), who, why);
            }
            return ended;
        } finally {
            lock.unlock();
        }
    }

    /** What stands, in the order in which it was suspended. */
    public List<OperatorSuspension> standing() {
        long now = clock.millis();
        return all.stream().filter(each -> each.untilMillis() == 0 || each.untilMillis() > now).toList();
    }

    private void apply(List<OperatorSuspension> next) {
        all = List.copyOf(next);
        Map<SourceScope, OperatorSuspension> wanted = new HashMap<>();
        List<OperatorSuspension> ofMail = new ArrayList<>();
        for (OperatorSuspension each : next) {
            List<SourceScope> scopes = scopes(each.mail());
            if (scopes.isEmpty()) {
                ofMail.add(each);
            }
            scopes.forEach(scope -> wanted.merge(scope, each, Suspensions::longer));
        }
        long now = clock.millis();
        sources.forEach((scope, before) -> {
            if (!before.equals(wanted.get(scope))) {
                health.resume(scope.source, scope.scope, Cause.OPERATOR, "an operator says so");
            }
        });
        wanted.forEach((scope, each) -> {
            if (!each.equals(sources.get(scope))) {
                health.suspend(scope.source, scope.scope, Cause.OPERATOR,
                        each.id() + " by " + each.who() + ": " + each.why(),
                        each.untilMillis() == 0 ? SourceHealth.UNTIL_RESUMED : each.untilMillis(), now);
            }
        });
        sources = wanted;
        queue.suspend(ofMail);
    }

    private static OperatorSuspension longer(OperatorSuspension one, OperatorSuspension other) {
        return other.untilMillis() == 0 || one.untilMillis() != 0 && other.untilMillis() > one.untilMillis()
                ? other
                : one;
    }

    /** The sources that it takes out of use, and towards whom; empty when it is of mail. */
    private static List<SourceScope> scopes(Selection mail) {
        boolean ofOthers = !mail.domains().isEmpty() || !mail.pools().isEmpty() || !mail.tenants().isEmpty()
                || !mail.campaigns().isEmpty() || !mail.classes().isEmpty()
                || !mail.sites().isEmpty() && !mail.providers().isEmpty();
        if (mail.sources().isEmpty() || ofOthers || !areWhole(mail.sources()) || !areWhole(mail.sites())
                || !areWhole(mail.providers())) {
            return List.of();
        }
        List<Scope> scopes = new ArrayList<>();
        mail.sites().forEach(site -> scopes.add(Scope.site(site.text())));
        mail.providers().forEach(provider -> scopes.add(Scope.provider(provider.text())));
        if (scopes.isEmpty()) {
            scopes.add(Scope.EVERYWHERE);
        }
        return mail.sources().stream()
                .flatMap(source -> scopes.stream().map(scope -> new SourceScope(source.text(), scope))).toList();
    }

    private static boolean areWhole(Set<NamePattern> names) {
        return names.stream().allMatch(name -> name.isLiteral() && !name.text().equals(NamePattern.NONE));
    }

    private void write(long next, List<OperatorSuspension> suspensions) throws IOException {
        StringBuilder text = new StringBuilder(
                CheckedLines.line(List.of(HEAD, Integer.toString(suspensions.size()), Long.toString(next))));
        for (OperatorSuspension each : suspensions) {
            text.append(CheckedLines.line(List.of(SUSPENSION, each.id(), SelectionText.of(each.mail()),
                    Long.toString(each.sinceMillis()), Long.toString(each.untilMillis()), each.who(), each.why())));
        }
        if (text.length() > MAX_FILE) { // each was accepted, but not with all of the others
            throw new IllegalArgumentException("the suspensions that stand name too much: resume some first, or select "
                    + "by fewer values");
        }
        CheckedLines.replace(file, text.toString());
    }

    private static Kept read(Path file) throws IOException {
        if (!Files.exists(file)) {
            return new Kept(1, List.of());
        }
        try {
            if (Files.size(file) > MAX_FILE) {
                throw new IllegalArgumentException("has more than " + MAX_FILE + " octets");
            }
            return parse(new String(WholeFile.read(file, MAX_FILE), StandardCharsets.UTF_8));
        } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
            Path aside = file.resolveSibling(file.getFileName() + ".damaged");
            Files.move(file, aside, StandardCopyOption.REPLACE_EXISTING);
            log.error("event=suspensions-damaged file={} why={} effect=\"nothing is suspended\"", aside,
                    e.getMessage());
            return new Kept(1, List.of());
        }
    }

    private static Kept parse(String text) {
        List<OperatorSuspension> suspensions = new ArrayList<>();
        String[] lines = text.split("\n", -1);
        List<String> head = CheckedLines.fields(lines[0]);
        for (int i = 1; i < lines.length - 1; i++) {
            List<String> f = CheckedLines.fields(lines[i]);
            suspensions.add(new OperatorSuspension(f.get(1), SelectionText.parse(f.get(2)), Long.parseLong(f.get(3)),
                    Long.parseLong(f.get(4)), f.get(5), f.get(6)));
        }
        if (!head.getFirst().equals(HEAD) || Integer.parseInt(head.get(1)) != suspensions.size()
                || !lines[lines.length - 1].isEmpty()) {
            throw new IllegalArgumentException("lines are missing");
        }
        return new Kept(Long.parseLong(head.get(2)), suspensions);
    }
}
