package dev.penstock.delivery;

import dev.penstock.config.BounceClass;

/**
 * What went wrong when no reply told.
 *
 * @param kind what
 * @param text in words for the delivery log and the report, naming the host where one is concerned
 */
public record Failure(Kind kind, String text) implements Cause {
    /** Whether another host might take what this one can't. */
    boolean isOfHost() {
        return kind == Kind.NEEDS_TLS || kind == Kind.NEEDS_REQUIRETLS;
    }

    /** Whether it lies with the source that is sent from. */
    boolean isOfSource() {
        return kind == Kind.SOURCE_ADDRESS || kind == Kind.SOURCE_PORTS || kind == Kind.SOURCE_PROXY
                || kind == Kind.SOURCE_LOGIN;
    }

    /** Whether we have ended the session, which says nothing about the host. */
    boolean isOurs() {
        return kind == Kind.STOPPED || kind == Kind.ABORTED;
    }

    /** Whether TLS came to nothing, as it does with hosts that get mail in clear when it may go so. */
    boolean isOfHandshake() {
        return kind == Kind.TLS_FAILED || kind == Kind.PLAINTEXT_AFTER_STARTTLS;
    }

    /** Each with the code and the enhanced status (RFC 3463) it is logged and reported with. */
    public enum Kind {
        CONNECTION_REFUSED(400, "4.4.1", BounceClass.NO_ANSWER_FROM_HOST),
        CONNECT_TIMEOUT(400, "4.4.1", BounceClass.NO_ANSWER_FROM_HOST),
        UNREACHABLE(400, "4.4.1", BounceClass.NO_ANSWER_FROM_HOST),
        /** No host of the domain may be connected to by the shaping file's skip_hosts or prohibited_hosts. */
        NO_HOST_LEFT(550, "5.4.4", BounceClass.ROUTING_ERRORS),
        /** No host of the domain has an address of the family that the shaping file's ip_lookup_strategy wants. */
        NO_ADDRESS(451, "4.4.4", BounceClass.ROUTING_ERRORS),
        /** The source's address isn't on this machine, or not on its proxy's: X.3.5, system incorrectly configured. */
        SOURCE_ADDRESS(400, "4.3.5", BounceClass.BAD_CONFIGURATION),
        /** No port is left to connect from: X.3.1 is of what is full. */
        SOURCE_PORTS(400, "4.3.1", BounceClass.TRANSIENT_FAILURE),
        /** The source's proxy can't be connected to, breaks off or refuses. */
        SOURCE_PROXY(400, "4.4.1", BounceClass.BAD_CONNECTION),
        /** The source's proxy doesn't take its login. */
        SOURCE_LOGIN(400, "4.3.5", BounceClass.BAD_CONFIGURATION),
        /** The route's hosts can't be logged in to, or want a login that it hasn't: X.3.5, as above. */
        ROUTE_LOGIN(400, "4.3.5", BounceClass.BAD_CONFIGURATION),
        /** The files of the certificate for hosts can't be used, and none is in force from before: X.3.5, as above. */
        OWN_CERTIFICATE(400, "4.3.5", BounceClass.BAD_CONFIGURATION),
        TIMEOUT(400, "4.4.2", BounceClass.BAD_CONNECTION),
        CONNECTION_LOST(400, "4.4.2", BounceClass.BAD_CONNECTION),
        MALFORMED_REPLY(400, "4.5.0", BounceClass.PROTOCOL_ERRORS),
        /** Replies that answer nothing, or can't follow each other: it isn't known whose the next one is. */
        OUT_OF_STEP(400, "4.5.0", BounceClass.PROTOCOL_ERRORS),
        /** CHUNKING is offered, and BDAT isn't known; DATA is said to that host from then on. */
        NO_BDAT(400, "4.5.0", BounceClass.PROTOCOL_ERRORS),
        /** The gateway itself ended the session because it stops. */
        STOPPED(400, "4.3.2", BounceClass.TRANSIENT_FAILURE),
        /** An operator ended the session. */
        ABORTED(400, "4.3.2", BounceClass.TRANSIENT_FAILURE),
        /** The account of what deliveries hold has no room for a session under TLS. */
        NO_MEMORY(400, "4.3.1", BounceClass.TRANSIENT_FAILURE),
        /** More octets than the host announced to take (RFC 1870 6.3). */
        TOO_LARGE(552, "5.3.4", BounceClass.CONTENT_RELATED),
        /** 8-bit content, and no 8BITMIME (RFC 6152 3). */
        NEEDS_8BITMIME(554, "5.6.3", BounceClass.CONTENT_RELATED),
        /** Addresses or header beyond ASCII, and no SMTPUTF8 (RFC 6531 3.5). */
        NEEDS_SMTPUTF8(553, "5.6.7", BounceClass.CONTENT_RELATED),
        /** The policy is for TLS always, and the host offers none: X.7.10, encryption needed (RFC 7372 names it so). */
        TLS_NOT_OFFERED(400, "4.7.10", BounceClass.POLICY_RELATED),
        /** X.7.5: cryptographic failure. */
        TLS_FAILED(400, "4.7.5", BounceClass.BAD_CONNECTION),
        /** A host that the domain's MTA-STS policy doesn't name (RFC 8461 5). */
        STS_HOST(400, "4.7.5", BounceClass.POLICY_RELATED),
        /** Whether a host has TLSA records can't be found out, and it may have (RFC 7672 2.1.2). */
        DANE_UNKNOWN(400, "4.7.5", BounceClass.DNS_FAILURE),
        /** Octets in clear between the answer to STARTTLS and the handshake (CVE-2011-0411). */
        PLAINTEXT_AFTER_STARTTLS(400, "4.7.5", BounceClass.PROTOCOL_ERRORS),
        /** A message with REQUIRETLS, and a host found in a way that anybody could have forged (RFC 8689 4.2.1). */
        UNAUTHENTICATED_HOST(550, "5.7.10", BounceClass.POLICY_RELATED),
        /** A message with REQUIRETLS, and no TLS with a certificate for the host's name. */
        NEEDS_TLS(550, "5.7.10", BounceClass.POLICY_RELATED),
        /** A message with REQUIRETLS, and a host that doesn't offer it. */
        NEEDS_REQUIRETLS(550, "5.7.30", BounceClass.POLICY_RELATED),
        /** The sender has set a time after which the message must come back (RFC 2852 4.1.4.2). */
        NEEDS_DELIVERBY(550, "5.3.3", BounceClass.POLICY_RELATED),
        /** The spool couldn't give the content while it was being sent. */
        CONTENT_UNREADABLE(400, "4.3.0", BounceClass.TRANSIENT_FAILURE),
        /** The content is damaged in the spool. */
        CONTENT_LOST(554, "5.3.0", BounceClass.CONTENT_RELATED),
        /** The file system of a Maildir has no space left. */
        STORE_FULL(452, "4.3.1", BounceClass.TRANSIENT_FAILURE),
        /** Its owner's disk quota is used up. */
        MAILBOX_FULL(452, "4.2.2", BounceClass.QUOTA_ISSUES),
        /** The Maildir isn't there and isn't to be made, or what it is to be made in isn't there. */
        NO_MAILDIR(450, "4.2.1", BounceClass.TRANSIENT_FAILURE),
        /** The Maildir can't be written for another reason. */
        STORE_TROUBLE(451, "4.3.0", BounceClass.TRANSIENT_FAILURE),
        /** The local part can't be a directory's name. */
        BAD_MAILBOX_NAME(553, "5.1.3", BounceClass.INVALID_RECIPIENT);

        private final int code;
        private final String enhanced;
        private final BounceClass bounceClass;

        Kind(int code, String enhanced, BounceClass bounceClass) {
            this.code = code;
            this.enhanced = enhanced;
            this.bounceClass = bounceClass;
        }

        public int code() {
            return code;
        }

        public String enhanced() {
            return enhanced;
        }

        BounceClass bounceClass() {
            return bounceClass;
        }
    }
}
