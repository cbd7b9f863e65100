package dev.penstock.revision;

import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Path;
import java.nio.file.StandardWatchEventKinds;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.units.RestingFiles;

/**
 * Tells when one of the shaping files has changed and they have come to rest, within some 150 ms where the system tells of changes, within
 * {@link #LOOK} where it doesn't (a file system of another machine). Its own thread, which {@link #close} ends.
 */
public final class ShapingWatch implements AutoCloseable {
    /** How often the file is looked at whatever the system tells. */
    static final Duration LOOK = Duration.ofSeconds(5);
    private static final Logger log = LoggerFactory.getLogger(ShapingWatch.class);

    private final Supplier<List<Path>> files;
    private final Runnable changed;
    private final Thread thread;

    private ShapingWatch(Supplier<List<Path>> files, Runnable changed) {
        this.files = files;
        this.changed = changed;
        this.thread = Thread.ofPlatform().name("shaping-watch").daemon().unstarted(this::run);
    }

    /**
     * @param files   are asked for again and again: others may be named meanwhile
     * @param changed may find that nothing has
     */
    public static ShapingWatch start(Supplier<List<Path>> files, Runnable changed) {
        ShapingWatch watch = new ShapingWatch(files, changed);
        watch.thread.start();
        return watch;
    }

    private void run() {
        try (WatchService service = FileSystems.getDefault().newWatchService()) {
            List<Path> watched = List.of();
            List<WatchKey> keys = List.of();
            @Nullable
            RestingFiles resting = null;
            while (!Thread.currentThread().isInterrupted()) {
                List<Path> now = files.get();
                if (now.isEmpty()) {
                    resting = null;
                } else if (resting == null || !now.equals(watched)) {
                    keys.forEach(WatchKey::cancel);
                    keys = register(now, service);
                    resting = new RestingFiles(now.toArray(Path[]::new));
                    changed.run(); // it may have changed before anybody looked
                }
                watched = now;
                RestingFiles.State state = resting == null ? RestingFiles.State.TAKEN : resting.lookNow();
                if (state == RestingFiles.State.CHANGED && resting != null && resting.areStill()) {
                    resting.take();
                    changed.run();
                } else if (state != RestingFiles.State.MOVING) {
                    WatchKey told = service.poll(LOOK.toMillis(), TimeUnit.MILLISECONDS);
                    if (told != null) {
                        told.pollEvents();
                        told.reset();
                    }
                }
            }
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt(); // closed
        } catch (IOException e) {
            log.error("event=shaping-watch-failed why={} effect=\"a changed shaping file is taken up at SIGHUP only\"",
                    e.toString());
        }
    }

    private static List<WatchKey> register(List<Path> files, WatchService service) {
        Set<Path> directories = new LinkedHashSet<>();
        files.forEach(file -> directories.add(file.toAbsolutePath().normalize().getParent()));
        List<WatchKey> keys = new ArrayList<>();
        for (Path directory : directories) {
            try {
                keys.add(directory.register(service, StandardWatchEventKinds.ENTRY_CREATE,
                        StandardWatchEventKinds.ENTRY_MODIFY, StandardWatchEventKinds.ENTRY_DELETE));
            } catch (IOException e) {
                log.warn("event=shaping-watch-slow directory={} why={} effect=\"looked at from time to time\" "
                        + "seconds={}", directory, e.toString(), LOOK.toSeconds());
            }
        }
        return keys;
    }

    @Override
    public void close() {
        thread.interrupt();
        try {
            thread.join();
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
    }
}
