package dev.penstock.verbs;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.delivery.Verbs.Words;
import dev.penstock.message.MessageId;
import dev.penstock.units.CheckedLines;
import dev.penstock.units.PrivateFiles;
import dev.penstock.units.WholeFile;
import dev.penstock.verbs.JobRequest.Details;
import dev.penstock.verbs.JobView.State;

/**
 * The file in which jobs stand: a line when one begins, and one for how far it is, each appended and synced. Guarded by its
 * owner's lock. A line that was cut off by a crash is the last, and counts for nothing; what is damaged elsewhere is set aside
 * whole with a copy, and the jobs of the lines that are good are kept. A file that is too large to be read is set aside, and
 * no job is known then.
 */
final class JobsFile implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(JobsFile.class);
    /** More than twice what jobs write: {@link Jobs#MOST_OCTETS} of such as are over, as much of others. */
    static final int MAX_FILE = 64 << 20;
    /** The file is written anew when it has grown by so much: some thousand lines. */
    private static final long REWRITE_OCTETS = 1 << 20;
    private static final String BEGUN = "begun";
    private static final String STANDS = "stands";

    private final Path file;
    private @Nullable FileChannel channel;
    private long written;

    /** @param cutoff messages with later ids aren't touched */
    record Kept(long number, JobRequest request, long createdMillis, MessageId cutoff, State state, long endedMillis,
            long counted, long done, long skipped, long failed, String error) {}

    JobsFile(Path file) {
        this.file = file;
    }

    /** By number, in the order in which they began. */
    Map<Long, Kept> read() throws IOException {
        Map<Long, Kept> jobs = new LinkedHashMap<>();
        if (!Files.exists(file)) {
            return jobs;
        }
        if (Files.size(file) > MAX_FILE) {
            Files.move(file, damaged(), StandardCopyOption.REPLACE_EXISTING);
            log.error("event=jobs-set-aside file={} max-octets={} effect=\"no job goes on\"", damaged(),
                    MAX_FILE);
            return jobs;
        }
        byte[] octets = WholeFile.read(file, MAX_FILE);
        int whole = octets.length;
        while (whole > 0 && octets[whole - 1] != '\n') {
            whole--;
        }
        if (whole < octets.length) { // a line that nobody was told of
            try (FileChannel cut = PrivateFiles.open(file, StandardOpenOption.WRITE)) {
                cut.truncate(whole);
            }
        }
        String[] lines = new String(octets, 0, whole, StandardCharsets.UTF_8).split("\n", -1);
        boolean damaged = false;
        for (int i = 0; i < lines.length - 1; i++) {
            try {
                line(CheckedLines.fields(lines[i]), jobs);
            } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
                damaged = true;
                log.error("event=job-record-damaged file={} line={} why={}", file, i + 1, e.getMessage());
            }
        }
        if (damaged) {
            Files.copy(file, damaged(), StandardCopyOption.REPLACE_EXISTING);
        }
        return jobs;
    }

    private Path damaged() {
        return file.resolveSibling(file.getFileName() + ".damaged");
    }

    private static void line(List<String> f, Map<Long, Kept> jobs) {
        long number = Long.parseLong(f.get(1));
        switch (f.getFirst()) {
            case BEGUN -> jobs.put(number, begun(number, f));
            case STANDS -> jobs.computeIfPresent(number, (_, job) -> new Kept(number, job.request, job.createdMillis,
                    job.cutoff, State.valueOf(f.get(2)), Long.parseLong(f.get(3)), Long.parseLong(f.get(4)),
                    Long.parseLong(f.get(5)), Long.parseLong(f.get(6)), Long.parseLong(f.get(7)), f.get(8)));
            default -> throw new IllegalArgumentException(f.getFirst());
        }
    }

    private static Kept begun(long number, List<String> f) {
        Details details = new Details(Long.parseLong(f.get(10)), Boolean.parseBoolean(f.get(11)),
                new Words(Integer.parseInt(f.get(12)), f.get(13), f.get(14), f.get(15)), decoded(f.get(16)),
                decoded(f.get(17)), decoded(f.get(18)), decoded(f.get(19)));
        JobRequest request = new JobRequest(Verb.of(f.get(4)), SelectionText.parse(f.get(5)), f.get(6), f.get(7),
                decoded(f.get(8)), Long.parseLong(f.get(9)), details);
        return new Kept(number, request, Long.parseLong(f.get(2)), new MessageId(Long.parseLong(f.get(3))),
                State.WAITING, 0, -1, 0, 0, 0, "");
    }

    private static String begun(Kept job) {
        JobRequest r = job.request;
        Details d = r.details();
        return CheckedLines.line(List.of(BEGUN, Long.toString(job.number), Long.toString(job.createdMillis),
                Long.toString(job.cutoff.value()), r.verb().word(), SelectionText.of(r.mail()), r.who(), r.why(),
                optional(r.key()), Long.toString(r.expiresMillis()), Long.toString(d.untilMillis()),
                Boolean.toString(d.report()), Integer.toString(d.words().code()), d.words().enhanced(),
                d.words().text(), d.words().bounceClass(), optional(d.tenant()), optional(d.campaign()),
                optional(d.pool()), optional(d.routingDomain())));
    }

    private static String stands(Kept job) {
        return CheckedLines.line(List.of(STANDS, Long.toString(job.number), job.state.name(),
                Long.toString(job.endedMillis), Long.toString(job.counted), Long.toString(job.done),
                Long.toString(job.skipped), Long.toString(job.failed), job.error));
    }

    /** Told from the empty text. */
    private static String optional(@Nullable String text) {
        return text == null ? "-" : '=' + text;
    }

    /** What the line has. */
    private static @Nullable String decoded(String field) {
        return field.equals("-") ? null : field.substring(1);
    }

    /** What a job takes of the file at least. */
    static int octets(Kept job) {
        return begun(job).length();
    }

    /**
     * Durable when it returns. The job is in the file then, or, when this throws, it isn't.
     *
     * @param others that are remembered
     */
    void begin(Kept job, List<Kept> others) throws IOException {
        if (written > REWRITE_OCTETS) {
            rewrite(others);
        }
        append(begun(job));
    }

    void stands(Kept job, List<Kept> all) throws IOException {
        if (written > REWRITE_OCTETS) {
            rewrite(all);
        } else {
            append(stands(job));
        }
    }

    void rewriteIfLarge(List<Kept> all) throws IOException {
        if (Files.exists(file) && Files.size(file) > REWRITE_OCTETS) {
            rewrite(all);
        }
    }

    /** With these alone. */
    private void rewrite(List<Kept> all) throws IOException {
        StringBuilder text = new StringBuilder();
        for (Kept job : all) {
            text.append(begun(job)).append(stands(job));
        }
        close();
        CheckedLines.replace(file, text.toString());
        written = 0;
    }

    private void append(String line) throws IOException {
        FileChannel open = channel;
        if (open == null) {
            open = PrivateFiles.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            open.position(open.size());
            channel = open;
        }
        long before = open.position();
        try {
            CheckedLines.write(open, line);
            open.force(true);
            written += line.length();
        } catch (IOException e) {
            try {
                open.truncate(before); // half a line would damage the next
            } catch (IOException again) {
                e.addSuppressed(again);
            }
            throw e;
        }
    }

    @Override
    public void close() throws IOException {
        FileChannel open = channel;
        channel = null;
        if (open != null) {
            open.close();
        }
    }
}
