package dev.penstock.shaping.control;

import java.io.IOException;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.zip.CRC32C;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.config.AutomationRule.Action;
import dev.penstock.units.PrivateFiles;

/**
 * The file in which control keeps what it has learned: a line for each controller, effect and incident, behind one that says
 * how many there are, each with its checksum (CRC-32C, eight hexadecimal digits). It is written whole, synced and renamed.
 * Confined to one thread at a time. One that is damaged is set aside, and what was learned is learned anew.
 */
final class ControlFile {
    private static final Logger log = LoggerFactory.getLogger(ControlFile.class);
    private static final int MAX_FILE = 64 << 20;
    private static final int CHECKSUM_LENGTH = 8;
    private static final String HEAD = "penstock-control-2";
    private static final String CONTROLLER = "controller";
    private static final String EFFECT = "effect";
    private static final String INCIDENT = "incident";

    private final Path file;

    /** A controller's scope and state. */
    record KeptController(Scope scope, Controller.Kept state) {}

    /** All that is kept; times are nanoseconds from now, of quiet and until. */
    record Kept(List<KeptController> controllers, List<Effect> effects, List<String> incidents) {
        static final Kept NOTHING = new Kept(List.of(), List.of(), List.of());
    }

    ControlFile(Path file) {
        this.file = file;
    }

    /**
     * What was written last; nothing when there is no file, or one that is damaged.
     *
     * @throws IOException when it can't be read, or is somebody else's
     */
    Kept read(long nowMillis, long nowNanos) throws IOException {
        if (!Files.exists(file)) {
            return Kept.NOTHING;
        }
        PrivateFiles.mustBeOurs(file);
        if (Files.size(file) <= MAX_FILE) {
            Optional<Kept> kept = parse(new String(Files.readAllBytes(file), StandardCharsets.UTF_8), nowMillis,
                    nowNanos);
            if (kept.isPresent()) {
                return kept.get();
            }
        }
        Path aside = file.resolveSibling(file.getFileName() + ".damaged");
        Files.move(file, aside, StandardCopyOption.REPLACE_EXISTING);
        log.error("event=control-file-damaged file={} kept-as={} effect=\"what receivers take is learned anew\"", file,
                aside);
        return Kept.NOTHING;
    }

    /** Returns when it is on the disk. */
    void write(Kept kept, long nowMillis, long nowNanos) throws IOException {
        StringBuilder text = new StringBuilder();
        int lines = kept.controllers.size() + kept.effects.size() + kept.incidents.size();
        add(text, HEAD, String.valueOf(lines));
        for (KeptController each : kept.controllers) {
            Scope scope = each.scope;
            Controller.Kept state = each.state;
            add(text, CONTROLLER, scope.source(), scope.provider(), scope.site(), scope.tenant(), scope.campaign(),
                    state.mode().name(), Double.toString(state.target()), Double.toString(state.progress()),
                    Double.toString(state.depth()), Integer.toString(state.volley()),
                    Integer.toString(state.window()), Long.toString(state.pauseNanos()),
                    Long.toString(state.intervalNanos()), Integer.toString(state.proved()),
                    Long.toString(nowMillis - state.quietNanos() / 1_000_000), Long.toString(state.dearNanos()));
        }
        for (Effect each : kept.effects) {
            Action.Set set = each.set();
            add(text, EFFECT, each.kind().name(), each.source(), each.site(), each.provider(), each.domain(),
                    each.tenant(), each.campaign(), set == null ? "" : set.name(),
                    set == null ? "" : typeOf(set.value()),
                    set == null ? "" : set.value().toString(), set == null ? "" : String.valueOf(set.domain()),
                    Long.toString(nowMillis + (each.untilNanos() - nowNanos) / 1_000_000), each.rule(), each.place(),
                    each.why());
        }
        for (String provider : kept.incidents) {
            add(text, INCIDENT, provider);
        }
        Path made = file.resolveSibling(file.getFileName() + ".new");
        try (FileChannel fresh = PrivateFiles.createAnew(made)) {
            ByteBuffer octets = ByteBuffer.wrap(text.toString().getBytes(StandardCharsets.UTF_8));
            while (octets.hasRemaining()) {
                fresh.write(octets);
            }
            fresh.force(true);
        }
        Files.move(made, file, StandardCopyOption.ATOMIC_MOVE);
        try (FileChannel directory = FileChannel.open(file.toAbsolutePath().getParent(), StandardOpenOption.READ)) {
            directory.force(true);
        }
    }

    private static String typeOf(Object value) {
        return value instanceof Long ? "integer" : value instanceof Boolean ? "boolean" : "text";
    }

    private static Object value(String type, String text) {
        return switch (type) {
            case "integer" -> Long.valueOf(text);
            case "boolean" -> Boolean.valueOf(text);
            default -> text;
        };
    }

    private static void add(StringBuilder text, String... fields) {
        List<String> written = new ArrayList<>();
        for (String field : fields) {
            written.add(URLEncoder.encode(field, StandardCharsets.UTF_8));
        }
        String line = String.join(" ", written);
        text.append(checksum(line)).append(' ').append(line).append('\n');
    }

    private static Optional<Kept> parse(String text, long nowMillis, long nowNanos) {
        List<KeptController> controllers = new ArrayList<>();
        List<Effect> effects = new ArrayList<>();
        List<String> incidents = new ArrayList<>();
        String[] lines = text.split("\n", -1);
        try {
            long announced = -1;
            for (int i = 0; i < lines.length - 1; i++) {
                List<String> fields = fields(lines[i]);
                switch (fields.getFirst()) {
                    case HEAD -> announced = Long.parseLong(fields.get(1));
                    case CONTROLLER -> controllers.add(controller(fields, nowMillis));
                    case EFFECT -> effects.add(effect(fields, nowMillis, nowNanos));
                    case INCIDENT -> incidents.add(fields.get(1));
                    default -> throw new IllegalArgumentException(fields.getFirst());
                }
            }
            boolean isWhole = announced == controllers.size() + effects.size() + incidents.size()
                    && lines[lines.length - 1].isEmpty();
            return isWhole ? Optional.of(new Kept(controllers, effects, incidents)) : Optional.empty();
        } catch (IllegalArgumentException | IndexOutOfBoundsException _) {
            return Optional.empty();
        }
    }

    private static List<String> fields(String line) {
        if (line.length() <= CHECKSUM_LENGTH || line.charAt(CHECKSUM_LENGTH) != ' '
                || !checksum(line.substring(CHECKSUM_LENGTH + 1)).equals(line.substring(0, CHECKSUM_LENGTH))) {
            throw new IllegalArgumentException("checksum");
        }
        List<String> fields = new ArrayList<>();
        for (String field : line.substring(CHECKSUM_LENGTH + 1).split(" ", -1)) {
            fields.add(URLDecoder.decode(field, StandardCharsets.UTF_8));
        }
        return fields;
    }

    /** A clock that was set back makes nothing of the future: it was refused just now then. */
    private static KeptController controller(List<String> f, long nowMillis) {
        long quiet = Math.clamp(nowMillis - Long.parseLong(f.get(15)), 0, Long.MAX_VALUE / 2_000_000);
        return new KeptController(new Scope(f.get(1), f.get(2), f.get(3), f.get(4), f.get(5)),
                new Controller.Kept(Controller.Mode.valueOf(f.get(6)), finite(f.get(7)), finite(f.get(8)),
                        finite(f.get(9)), Integer.parseInt(f.get(10)), Integer.parseInt(f.get(11)),
                        Long.parseLong(f.get(12)), Long.parseLong(f.get(13)), Integer.parseInt(f.get(14)),
                        Long.parseLong(f.get(16)), quiet * 1_000_000));
    }

    private static double finite(String text) {
        double value = Double.parseDouble(text);
        if (!Double.isFinite(value) || value < 0) {
            throw new IllegalArgumentException(text);
        }
        return value;
    }

    private static Effect effect(List<String> f, long nowMillis, long nowNanos) {
        Action.Set set = f.get(8).isEmpty()
                ? null
                : new Action.Set(f.get(8), value(f.get(9), f.get(10)), Boolean.parseBoolean(f.get(11)));
        long left = Math.clamp(Long.parseLong(f.get(12)) - nowMillis, 0, Long.MAX_VALUE / 4_000_000);
        return new Effect(Effect.Kind.valueOf(f.get(1)), f.get(2), f.get(3), f.get(4), f.get(5), f.get(6), f.get(7),
                set, nowNanos + left * 1_000_000, f.get(13), f.get(14), f.get(15));
    }

    private static String checksum(String fields) {
        CRC32C crc = new CRC32C();
        crc.update(fields.getBytes(StandardCharsets.UTF_8));
        return String.format("%08x", crc.getValue());
    }
}
