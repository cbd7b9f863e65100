package dev.penstock.testing;

import java.io.IOException;
import java.nio.file.Path;

/** Named pipes: who opens one for reading waits for a writer. Stateless. */
public final class Fifo {
    private Fifo() {}

    /** @return {@code path} */
    public static Path make(Path path) throws IOException, InterruptedException {
        int status = new ProcessBuilder("mkfifo", path.toString()).inheritIO().start().waitFor();
        if (status != 0) {
            throw new IOException("mkfifo " + path + " ended with " + status);
        }
        return path;
    }
}
