package dev.penstock.history;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Map;

import org.apache.lucene.index.DirectoryReader;

/**
 * The index as it was at one moment, for those who search. Immutable; whoever uses it holds it, so that its files stay until
 * he lets go of them.
 *
 * @param born       when the index was begun anew, milliseconds since 1970: a cursor is of one index
 * @param partitions the newest first
 */
record Snapshot(long born, List<View> partitions) {
    /**
     * One partition.
     *
     * @param number grows with time
     * @param names  of the log's files by the numbers that blocks have
     */
    record View(int number, DirectoryReader reader, Map<Integer, String> names) {}

    /** @return false when it has been replaced and let go of: there is a newer one */
    boolean hold() {
        for (int i = 0; i < partitions.size(); i++) {
            if (!partitions.get(i).reader.tryIncRef()) {
                letGo(i);
                return false;
            }
        }
        return true;
    }

    void letGo() {
        letGo(partitions.size());
    }

    private void letGo(int held) {
        for (int i = 0; i < held; i++) {
            try {
                partitions.get(i).reader.decRef();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
