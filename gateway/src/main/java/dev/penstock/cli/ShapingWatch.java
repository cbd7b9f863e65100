package dev.penstock.cli;

import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Path;
import java.nio.file.StandardWatchEventKinds;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.units.RestingFiles;

/**
 * Tells when the shaping file has changed and come to rest, within some 150 ms where the system tells of changes, within
 * {@link #LOOK} where it doesn't (a file system of another machine). Its own thread, which {@link #close} ends.
 */
final class ShapingWatch implements AutoCloseable {
    /** How often the file is looked at whatever the system tells. */
    static final Duration LOOK = Duration.ofSeconds(5);
    private static final Logger log = LoggerFactory.getLogger(ShapingWatch.class);

    private final Supplier<Optional<Path>> file;
    private final Runnable changed;
    private final Thread thread;

    private ShapingWatch(Supplier<Optional<Path>> file, Runnable changed) {
        this.file = file;
        this.changed = changed;
        this.thread = Thread.ofPlatform().name("shaping-watch").daemon().unstarted(this::run);
    }

    /**
     * @param file    is asked again and again: another may be named meanwhile
     * @param changed may find that nothing has
     */
    static ShapingWatch start(Supplier<Optional<Path>> file, Runnable changed) {
        ShapingWatch watch = new ShapingWatch(file, changed);
        watch.thread.start();
        return watch;
    }

    private void run() {
        try (WatchService service = FileSystems.getDefault().newWatchService()) {
            @Nullable
            Path watched = null;
            @Nullable
            WatchKey key = null;
            @Nullable
            RestingFiles resting = null;
            while (!Thread.currentThread().isInterrupted()) {
                Path now = file.get().orElse(null);
                if (now == null) {
                    resting = null;
                } else if (resting == null || !now.equals(watched)) {
                    if (key != null) {
                        key.cancel();
                    }
                    key = register(now, service);
                    resting = new RestingFiles(now);
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

    private static @Nullable WatchKey register(Path file, WatchService service) {
        try {
            Path directory = file.toAbsolutePath().normalize().getParent();
            return directory == null
                    ? null
                    : directory.register(service, StandardWatchEventKinds.ENTRY_CREATE,
                            StandardWatchEventKinds.ENTRY_MODIFY, StandardWatchEventKinds.ENTRY_DELETE);
        } catch (IOException e) {
            log.warn("event=shaping-watch-slow file={} why={} effect=\"looked at from time to time\" seconds={}", file,
                    e.toString(), LOOK.toSeconds());
            return null;
        }
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
