package dev.penstock.mtasts;

import java.util.concurrent.CompletableFuture;

/** Fetches policies. Thread-safe; never blocks. */
@FunctionalInterface
public interface StsFetch {
    /** @return fails with a {@link StsException} and no other */
    CompletableFuture<StsText.Published> fetch(String domain);

    /** Why there is no policy to be had. */
    final class StsException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        /** As reports name it (RFC 8460 4.3.2.2). */
        private final String type;

        StsException(String type, String why) {
            super(why, null, false, false);
            this.type = type;
        }

        String type() {
            return type;
        }

        String why() {
            return String.valueOf(getMessage());
        }
    }
}
