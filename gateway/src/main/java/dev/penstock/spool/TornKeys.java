package dev.penstock.spool;

import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * Looks at the records of one segment in order, for KEY records that may be on the medium without all of their
 * messages. Confined to one thread. When power fails during a sync, what was written later can be there and what was
 * written before not; nobody was told of such a KEY. A SYNCED record tells that the sync of all KEY records before it
 * had returned: what is missing there now was damaged since.
 */
final class TornKeys {
    private final long segment;
    private final Map<Long, Integer> messages = new HashMap<>();
    private final Set<Long> torn = new HashSet<>();

    TornKeys(long segment) {
        this.segment = segment;
    }

    void record(ByteBuffer octets, int at) {
        switch (Records.type(octets, at)) {
            case Records.ACCEPTED -> {
                long request = Metas.request(octets, at);
                if (request != 0) {
                    messages.merge(request, 1, Integer::sum);
                }
            }
            case Records.KEY -> {
                long request = Records.id(octets, at);
                Metas.Key key = Metas.key(octets, at);
                if (key.segment() == segment && key.here() != messages.getOrDefault(request, 0)) {
                    torn.add(request);
                }
            }
            case Records.SYNCED -> torn.clear();
            default -> {
                // the others count by themselves
            }
        }
    }

    /** Requests whose KEY never counted. */
    Set<Long> torn() {
        return torn;
    }
}
