package dev.penstock.admin;

import java.time.Instant;
import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.penstock.admin.QueueAnswer.MessageDetail;
import dev.penstock.history.HistoryStats;
import dev.penstock.history.Hit;
import dev.penstock.history.Page;
import dev.penstock.history.Story;
import dev.penstock.message.MessageEvent;

/** What the administration API answers about past mail. The records are the answers' shapes; all of them are immutable. */
public final class HistoryAnswer {
    /** Between source and site in {@link MessageEvent#site}. */
    private static final String ARROW = "->";

    private HistoryAnswer() {}

    /** See {@link MessageEvent.Response}. */
    public record EventReply(int code, String enhanced, String text, String command) {}

    /** What the reply was taken to mean. See {@link MessageEvent.Meaning}. */
    public record EventMeaning(String bounceClass, String category, String scope, String action) {}

    /** See {@link MessageEvent.Peer}. */
    public record EventHost(String name, String address) {}

    /** See {@link MessageEvent.Tls}. */
    public record EventTls(String version, String cipher, String policy, String result, boolean resumed) {}

    /** Who brought the message. See {@link MessageEvent.Client}. */
    public record EventClient(String user, String helo, String listener, String messageId) {}

    /**
     * The SMTP session in which it happened: a client's for receptions and rejections, else one of ours with a receiver.
     *
     * @param id       empty when there was none
     * @param protocol {@code ESMTPS}, {@code LMTP}, …
     * @param host     at the other end; null when there was none
     * @param source   of ours that it was made by; empty for a client's
     * @param site     of the receiver; empty for a client's
     * @param pool     of sources; empty for a client's
     * @param local    our address, with a port for a client's; empty when there was no session
     * @param tls      null when it was in clear
     */
    public record EventSession(String id, String protocol, @Nullable EventHost host, String source, String site,
            String pool, String local, @Nullable EventTls tls) {
        static EventSession of(MessageEvent event) {
            MessageEvent.Peer peer = event.peer();
            MessageEvent.Tls tls = event.tls();
            int arrow = event.site().indexOf(ARROW);
            return new EventSession(event.sessionId(), event.protocol(),
                    peer == null ? null : new EventHost(peer.name(), peer.address()),
                    arrow < 0 ? "" : event.site().substring(0, arrow),
                    arrow < 0 ? event.site() : event.site().substring(arrow + ARROW.length()), event.pool(),
                    event.sourceAddress(),
                    tls == null
                            ? null
                            : new EventTls(tls.version(), tls.cipher(), tls.policy(), tls.result(), tls.resumed()));
        }
    }

    /**
     * Something that happened to a message, as the delivery log has it. See {@link MessageEvent}.
     *
     * @param type           {@code Reception}, {@code Delivery}, …
     * @param id             null when it was refused before it had one
     * @param attemptsBefore attempts made before
     */
    public record HistoryEvent(Instant at, String type, @Nullable String id, String sender, List<String> recipients,
            String domain, String tenant, String campaign, String provider, String mailClass, long octets,
            Instant received, int attemptsBefore, EventSession session, EventReply reply, EventMeaning meaning,
            EventClient client) {
        public static HistoryEvent of(MessageEvent event) {
            MessageEvent.Response response = event.response();
            MessageEvent.Meaning meaning = event.meaning();
            MessageEvent.Client client = event.client();
            return new HistoryEvent(Instant.ofEpochMilli(event.eventMillis()), event.type().label(),
                    event.id().equals(MessageEvent.NO_ID) ? null : event.id().toString(), event.sender(),
                    event.recipients(), event.domain(), event.tenant(), event.campaign(), event.provider(),
                    event.mailClass().word(), event.size(), Instant.ofEpochMilli(event.createdMillis()),
                    event.attempts(), EventSession.of(event),
                    new EventReply(response.code(), response.enhanced(), response.text(), response.command()),
                    new EventMeaning(meaning.bounceClass(), meaning.category(), meaning.scope(), meaning.action()),
                    new EventClient(client.user(), client.helo(), client.listener(), client.messageId()));
        }
    }

    /**
     * How far what was answered goes.
     *
     * @param behindMillis how long ago that happened which isn't read yet; 0 when all is found
     * @param gone         blocks of lines that may fit, of files of the log that aren't there any more
     * @param trouble      why the index doesn't go on now; null while all is well
     */
    public record Reach(long behindMillis, int gone, @Nullable String trouble) {
        static Reach of(HistoryStats stats, int gone) {
            return new Reach(stats.lagMillis(), gone, stats.trouble());
        }
    }

    /**
     * Events that fit, what was logged last first.
     *
     * @param next     the cursor of the next page; null when there is none
     * @param searched false when the search was broken off because it had read a lot that didn't fit: it goes on at
     *                 {@code next}
     */
    public record HistoryEvents(List<HistoryEvent> events, @Nullable String next, boolean searched, Reach reach) {
        static HistoryEvents of(Page<Hit> page, HistoryStats stats) {
            return new HistoryEvents(page.items().stream().map(hit -> HistoryEvent.of(hit.event())).toList(),
                    page.next() == null ? null : page.next().toString(), page.searched(),
                    Reach.of(stats, page.gone()));
        }
    }

    /**
     * All that is known of a message.
     *
     * @param events in the order in which they were logged
     * @param whole  false when there are more, which are left out
     * @param queued where it is queued now; null when it isn't
     */
    public record MessageStory(String id, List<HistoryEvent> events, boolean whole, Reach reach,
            @Nullable MessageDetail queued) {
        static MessageStory of(Story story, HistoryStats stats, @Nullable MessageDetail queued) {
            return new MessageStory(story.id().toString(),
                    story.events().stream().map(hit -> HistoryEvent.of(hit.event())).toList(), story.whole(),
                    Reach.of(stats, story.gone()), queued);
        }
    }
}
