package dev.penstock.spool;

import java.io.IOException;
import java.nio.ByteBuffer;

import org.jspecify.annotations.Nullable;

import dev.penstock.spool.IndexBlocks.Index;
import dev.penstock.spool.SpooledMessage.Attempt;
import dev.penstock.spool.SpooledMessage.ExtendedState;
import dev.penstock.spool.SpooledMessage.Place;

/**
 * The last look at a segment before it is deleted. Confined to the maintenance thread.
 *
 * <p>It doesn't believe the count of live octets by which the segment was chosen. It reads the segment's records, from
 * its index or else from itself, and finds for each that nothing points to it: no message in the index, no attempt that
 * counts, no content, no key. And as a message may be missing in the index because it is done, or because it isn't there
 * yet, it counts them: as many have to have left the segment as there are ACCEPTED records in it. What that costs is in
 * docs/spool-format.md.
 */
final class DeletionAudit implements Segments.Audit {
    private final SegmentStore store;
    private final MessageIndex index;
    private final ContentStreams streams;
    private final KeyTable keys;
    private final long salt;

    DeletionAudit(SegmentStore store, MessageIndex index, ContentStreams streams, KeyTable keys, long salt) {
        this.store = store;
        this.index = index;
        this.streams = streams;
        this.keys = keys;
        this.salt = salt;
    }

    @Override
    public @Nullable String objection(LogSegment segment) {
        if (!segment.sealed()) {
            return "it is " + segment.life();
        }
        long live = segment.live.get();
        if (live != 0) {
            return live + " octets of it are live";
        }
        Look look = new Look(segment);
        try {
            Index records = segment.indexed ? IndexBlocks.open(store, segment.number, salt) : null;
            if (records != null) {
                records.source().forEach(look::record);
            } else {
                new SegmentScanner(segment.data, salt).scan(look);
            }
        } catch (IOException | IllegalArgumentException e) {
            return "what it holds can't be read: " + e.getMessage();
        }
        if (look.needed != null) {
            return look.needed;
        }
        long gone = segment.gone.get();
        return look.accepted == gone ? null : "it holds " + look.accepted + " messages, of which " + gone + " are gone";
    }

    private final class Look implements SegmentScanner.Findings {
        private final LogSegment segment;
        private long accepted;
        private @Nullable String needed;

        Look(LogSegment segment) {
            this.segment = segment;
        }

        @Override
        public void record(long position, ByteBuffer octets, int at) {
            if (position + Records.length(octets, at) > segment.bytes()) {
                return; // its index says more than there is
            }
            long id = Records.id(octets, at);
            boolean pointedTo = switch (Records.type(octets, at)) {
                case Records.ACCEPTED -> {
                    accepted++;
                    yield holds(index.get(id));
                }
                case Records.ATTEMPT -> holdsAttempt(index.get(id), Records.destination(octets, at));
                case Records.PART -> streams.isOpen(id) || holdsContent(streams.message(id));
                case Records.KEY -> holdsKey(keys.entry(Metas.key(octets, at).key(), id));
                default -> false;
            };
            if (pointedTo) {
                needed = "the record at " + position + " is needed";
            }
        }

        @Override
        public void damage(long from, long to, boolean atEnd) {
            // was set aside when it was found
        }

        private boolean holds(@Nullable SpooledMessage message) {
            if (message == null) {
                return false;
            }
            synchronized (message) {
                return message.segment == segment;
            }
        }

        private boolean holdsAttempt(@Nullable SpooledMessage message, int destination) {
            if (message == null) {
                return false;
            }
            synchronized (message) {
                for (Attempt one = message.attempt(destination); one != null; one = one.before()) {
                    if (one.segment == segment) {
                        return true;
                    }
                }
                return false;
            }
        }

        private boolean holdsKey(@Nullable KeyEntry entry) {
            Place place = entry == null ? null : entry.place();
            return place != null && place.segment() == segment;
        }

        private boolean holdsContent(@Nullable SpooledMessage message) {
            if (message == null) {
                return false;
            }
            synchronized (message) {
                if (message.state instanceof ExtendedState extended) {
                    for (Place place : extended.content) {
                        if (place.segment() == segment) {
                            return true;
                        }
                    }
                }
                return false;
            }
        }
    }
}
