package dev.penstock.message;

import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.penstock.units.HeapSize;
import dev.penstock.units.MailClass;

/**
 * Something that happened to a message, in the shape of one line of the delivery log.
 *
 * @param type        what happened
 * @param id          the message; {@link #NO_ID} when it was refused before it had one
 * @param sender      the reverse path, empty for {@code <>}
 * @param recipients  whom it happened for, one at least but where a reception was refused before there was any;
 *                    {@code @domain} when the message is lost with its envelope
 * @param domain      the recipients' domain; for a reception, the first recipient's; empty when there is none
 * @param tenant      empty when unknown
 * @param campaign    empty when unknown
 * @param site        {@code source->site} of the attempt, the site named as routing names it; empty when there was none
 * @param size        octets of content
 * @param response    the reply that decided: the remote's, or our own words for what went wrong
 * @param peer        the host spoken to, null when none was
 * @param sourceAddress the local address of the session, empty when there was none
 * @param eventMillis when, milliseconds since 1970
 * @param createdMillis when the message was received, milliseconds since 1970
 * @param attempts    attempts made before this event
 * @param protocol    ESMTP, SMTP, LMTP, or LOCAL
 * @param sessionId   of the SMTP session, empty when there was none
 * @param tls         what the session was secured with, null when it wasn't
 * @param client      who brought the message
 * @param provider    who runs the hosts that take the recipients' domain's mail, empty when nobody known does
 * @param pool        of sources that the attempt was made by; empty when there was none
 * @param meaning     what the response was taken to mean
 * @param mailClass   how urgent the message is
 */
public record MessageEvent(Type type, MessageId id, String sender, List<String> recipients, String domain,
        String tenant,
        String campaign, String site, long size, Response response, @Nullable Peer peer, String sourceAddress,
        long eventMillis, long createdMillis, int attempts, String protocol, String sessionId, @Nullable Tls tls,
        Client client, String provider, String pool, Meaning meaning, MailClass mailClass) {
    public static final MessageId NO_ID = new MessageId(0);
    /** The objects that it is made of, without what is shared. */
    private static final int FIXED = 400;

    /** Of a bulk message. */
    public MessageEvent(Type type, MessageId id, String sender, List<String> recipients, String domain, String tenant,
            String campaign, String site, long size, Response response, @Nullable Peer peer, String sourceAddress,
            long eventMillis, long createdMillis, int attempts, String protocol, String sessionId, @Nullable Tls tls,
            Client client, String provider, String pool, Meaning meaning) {
        this(type, id, sender, recipients, domain, tenant, campaign, site, size, response, peer, sourceAddress,
                eventMillis, createdMillis, attempts, protocol, sessionId, tls, client, provider, pool, meaning,
                MailClass.BULK);
    }

    /** The same, of a message of that class. */
    public MessageEvent of(MailClass itsClass) {
        return itsClass == mailClass
                ? this
                : new MessageEvent(type, id, sender, recipients, domain, tenant, campaign, site, size, response, peer,
                        sourceAddress, eventMillis, createdMillis, attempts, protocol, sessionId, tls, client, provider,
                        pool, meaning, itsClass);
    }

    /** Of whose domain's provider nothing is known, by no pool, whose response means what it says. */
    public MessageEvent(Type type, MessageId id, String sender, List<String> recipients, String domain, String tenant,
            String campaign, String site, long size, Response response, @Nullable Peer peer, String sourceAddress,
            long eventMillis, long createdMillis, int attempts, String protocol, String sessionId, @Nullable Tls tls,
            Client client) {
        this(type, id, sender, recipients, domain, tenant, campaign, site, size, response, peer, sourceAddress,
                eventMillis, createdMillis, attempts, protocol, sessionId, tls, client, "", "", Meaning.NONE);
    }

    /** Of whose client nothing is known. */
    public MessageEvent(Type type, MessageId id, String sender, List<String> recipients, String domain, String tenant,
            String campaign, String site, long size, Response response, @Nullable Peer peer, String sourceAddress,
            long eventMillis, long createdMillis, int attempts, String protocol, String sessionId, @Nullable Tls tls) {
        this(type, id, sender, recipients, domain, tenant, campaign, site, size, response, peer, sourceAddress,
                eventMillis, createdMillis, attempts, protocol, sessionId, tls, Client.NONE);
    }

    /** Of a session in clear, or none. */
    public MessageEvent(Type type, MessageId id, String sender, List<String> recipients, String domain, String tenant,
            String campaign, String site, long size, Response response, @Nullable Peer peer, String sourceAddress,
            long eventMillis, long createdMillis, int attempts, String protocol, String sessionId) {
        this(type, id, sender, recipients, domain, tenant, campaign, site, size, response, peer, sourceAddress,
                eventMillis, createdMillis, attempts, protocol, sessionId, null);
    }

    /** What it takes in memory, about. */
    public long heapOctets() {
        long octets = FIXED + sender.length() + domain.length() + site.length() + (long) response.text.length()
                + client.helo.length() + client.user.length() + client.messageId.length();
        for (String recipient : recipients) {
            octets += HeapSize.OBJECT + recipient.length();
        }
        return octets;
    }

    /** The record types of the delivery log. */
    public enum Type {
        RECEPTION("Reception"),
        DELIVERY("Delivery"),
        TRANSIENT_FAILURE("TransientFailure"),
        BOUNCE("Bounce"),
        EXPIRATION("Expiration"),
        /** A reception was refused with 4xx or 5xx. */
        REJECTION("Rejection"),
        /** An operator has deleted it. */
        ADMIN_BOUNCE("AdminBounce"),
        /** Receivers would mind something about it: it was tagged, is held, or is let go on. */
        PREFLIGHT("Preflight");

        private final String label;

        Type(String label) {
            this.label = label;
        }

        /** As the log writes it. */
        public String label() {
            return label;
        }
    }

    /**
     * A reply.
     *
     * @param code     three digits; 400 or 500 for failures that no reply told
     * @param enhanced class.subject.detail (RFC 3463), empty when the reply had none
     * @param text     the text, lines joined by a space
     * @param command  the command that was answered, empty when there was none
     */
    public record Response(int code, String enhanced, String text, String command) {}

    /** A remote host: its name with a trailing dot left off, and its address. */
    public record Peer(String name, String address) {}

    /**
     * What a session was secured with.
     *
     * @param version negotiated, like {@code TLSv1.3}
     * @param cipher  the cipher suite by its name in the IANA registry
     * @param policy  of a delivery: who demanded it and what ({@code dane}, {@code mta-sts}, or what is configured); else
     *                empty
     * @param result  of a delivery: {@code verified} or {@code unverified}; else empty
     * @param resumed whether a delivery's session was a resumed one
     */
    public record Tls(String version, String cipher, String policy, String result, boolean resumed) {
        /** A client's. */
        public Tls(String version, String cipher) {
            this(version, cipher, "", "", false);
        }
    }

    /**
     * Who brought a message; each empty when it isn't known.
     *
     * @param user      the identity it has proved
     * @param helo      the name it gave itself
     * @param listener  where it came in; known of receptions and rejections
     * @param messageId the Message-ID field, unfolded; known of receptions and rejections
     */
    public record Client(String user, String helo, String listener, String messageId) {
        public static final Client NONE = new Client("", "", "", "");

        /** What the spool keeps of it. */
        public static Client of(Origin origin) {
            return origin.identity().isEmpty() && origin.helo().isEmpty()
                    ? NONE
                    : new Client(origin.identity(), origin.helo(), "", "");
        }
    }

    /**
     * What a refusal means; what isn't known is empty.
     *
     * @param bounceClass KumoMTA's name of a class, or one that a rule made up
     * @param category    PowerMTA's
     * @param scope       whom it is about
     * @param action      what was done, in words
     */
    public record Meaning(String bounceClass, String category, String scope, String action) {
        /** As KumoMTA has it for what isn't classified. */
        public static final Meaning NONE = new Meaning("Uncategorized", "", "", "");
    }

    /** Takes events. Called on event loops and virtual threads: must return at once and must not throw. */
    @FunctionalInterface
    public interface Listener {
        void on(MessageEvent event);

        /** Drops every event. */
        static Listener none() {
            return _ -> {};
        }
    }
}
