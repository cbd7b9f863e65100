package dev.penstock.history;

import java.io.IOException;

/** The index couldn't be written: what was added since its last commit has to be added again. Immutable. */
final class IndexFailure extends IOException {
    private static final long serialVersionUID = 1L;

    IndexFailure(Throwable cause) {
        super(cause.toString(), cause);
    }
}
