package dev.penstock.config;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * A domain of our own: its recipients are verified at RCPT and its mail is handed to a store.
 *
 * @param store              who keeps the mail
 * @param verify             how recipients are verified
 * @param recipients         a file with the addresses there are; present when {@code verify} is {@link Verify#FILE}
 * @param recipientDelimiter characters that may begin the tag of {@code user+tag}, which is verified as {@code user};
 *                           empty for none
 * @param caseSensitive      whether {@code User} and {@code user} are two recipients
 * @param positiveTtl        how long the store's yes to a call-ahead is remembered
 * @param negativeTtl        likewise its no
 * @param verifyDeadline     for a call-ahead as a whole
 * @param onFailure          what to say when it can't be told whether there is such a recipient
 */
public record LocalDomainConfig(Store store, Verify verify, Optional<Path> recipients, String recipientDelimiter,
        boolean caseSensitive, Duration positiveTtl, Duration negativeTtl, Duration verifyDeadline,
        OnFailure onFailure) {
    public static final String DEFAULT_DELIMITER = "+"; // Dovecot's recipient_delimiter
    public static final Duration DEFAULT_POSITIVE_TTL = Duration.ofHours(1);
    public static final Duration DEFAULT_NEGATIVE_TTL = Duration.ofMinutes(5);
    public static final Duration DEFAULT_VERIFY_DEADLINE = Duration.ofSeconds(10);

    /** With the defaults of all that isn't asked for. */
    public LocalDomainConfig(Store store, Verify verify, Optional<Path> recipients) {
        this(store, verify, recipients, DEFAULT_DELIMITER, false, DEFAULT_POSITIVE_TTL, DEFAULT_NEGATIVE_TTL,
                DEFAULT_VERIFY_DEADLINE, OnFailure.DEFER);
    }

    /** How recipients are verified. */
    public enum Verify {
        /** They stand in a file. */
        FILE,
        /** The store is asked, by a transaction that ends after RCPT. */
        CALL_AHEAD,
        /** All are taken. */
        NONE
    }

    /** What is said while it can't be told whether there is such a recipient. */
    public enum OnFailure {
        /** 451 4.1.1: the client is to come again. */
        DEFER,
        /** As if there were. */
        ACCEPT
    }

    /** Where the domain's mail goes. */
    public sealed interface Store {
        /** The same as a route. */
        RouteConfig route();
    }

    /** @param hosts as those of a route, {@code unix:/path} too; tried in order */
    public record Lmtp(List<String> hosts) implements Store {
        public Lmtp {
            hosts = List.copyOf(hosts);
        }

        @Override
        public RouteConfig route() {
            return new RouteConfig(hosts, true);
        }
    }

    /** @param hosts as those of a route, {@code unix:/path} too; tried in order */
    public record Smtp(List<String> hosts) implements Store {
        public Smtp {
            hosts = List.copyOf(hosts);
        }

        @Override
        public RouteConfig route() {
            return new RouteConfig(hosts, false);
        }
    }

    /** Directories on this machine. */
    public record Maildir(MaildirConfig maildir) implements Store {
        @Override
        public RouteConfig route() {
            return RouteConfig.of(maildir);
        }
    }
}
