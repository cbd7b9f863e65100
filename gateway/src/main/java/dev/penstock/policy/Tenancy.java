package dev.penstock.policy;

import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

import org.jspecify.annotations.Nullable;

import dev.penstock.auth.Identity;
import dev.penstock.config.PolicyConfig;
import dev.penstock.policy.Policy.HeaderField;
import dev.penstock.units.MailClass;

/**
 * Whose a message is, and what it belongs to. Immutable.
 *
 * <p>Of the tenant: what a policy said at MAIL, else the identity's, else the header field of a client who is trusted,
 * else the listener's. An identity's comes before the field, so that no tenant can pose as another. Of the campaign: the
 * same without the identity, which has none. Of the pool of sources: what a policy said, else what the client wants. Of the
 * class: what a policy said, else what the client says of all its mail, else the header field of a client who is trusted,
 * else the campaign's, else the tenant's, else the listener's.
 */
final class Tenancy {
    static final int MAX_LENGTH = 128; // characters of a name, a limit of our own: it goes into logs and queue names

    private final String tenantHeader;
    private final String campaignHeader;
    private final String poolHeader;
    private final String classHeader;
    private final boolean fromAnybody;

    Tenancy(PolicyConfig config) {
        this.tenantHeader = config.tenantHeader().toLowerCase(Locale.ROOT);
        this.campaignHeader = config.campaignHeader().toLowerCase(Locale.ROOT);
        this.poolHeader = config.poolHeader().toLowerCase(Locale.ROOT);
        this.classHeader = config.classHeader().toLowerCase(Locale.ROOT);
        this.fromAnybody = config.headersFromAnybody();
    }

    /** Lower case names of the fields, none that is switched off. */
    List<String> headers() {
        return Stream.of(tenantHeader, campaignHeader, poolHeader, classHeader).filter(name -> !name.isEmpty())
                .distinct().toList();
    }

    /**
     * @return null for the listener's
     * @throws IllegalNameException when the client named one that can't be
     */
    @Nullable
    String tenant(Client client, Decision.Accept mail, List<HeaderField> header) {
        if (mail.tenant() != null) {
            return mail.tenant();
        }
        Identity identity = client.identity();
        if (identity != null && !identity.tenant().isEmpty()) {
            return identity.tenant();
        }
        return named(client, tenantHeader, header);
    }

    /**
     * @return null for the listener's
     * @throws IllegalNameException when the client named one that can't be
     */
    @Nullable
    String campaign(Client client, Decision.Accept mail, List<HeaderField> header) {
        return mail.campaign() != null ? mail.campaign() : named(client, campaignHeader, header);
    }

    /**
     * @return null for the one that the configuration says
     * @throws IllegalNameException when the client named one that can't be
     */
    @Nullable
    String pool(Client client, Decision.Accept mail, List<HeaderField> header) {
        if (mail.pool() != null) {
            return mail.pool();
        }
        return client.pool().isEmpty() ? named(client, poolHeader, header) : client.pool();
    }

    /**
     * Whose a message will be as far as it can be known at MAIL, when nobody can say otherwise later.
     *
     * @return null when its header section may say something else
     */
    @Nullable
    String tenantAtMail(Client client, Decision.Accept mail) {
        if (mail.tenant() != null) {
            return mail.tenant();
        }
        Identity identity = client.identity();
        if (identity != null && !identity.tenant().isEmpty()) {
            return identity.tenant();
        }
        return tenantHeader.isEmpty() || !isTrusted(client) ? client.tenant() : null;
    }

    /**
     * @return null when neither a policy nor the client says it
     * @throws IllegalNameException when the client says what is no class
     */
    @Nullable
    MailClass mailClass(Client client, Decision.Accept mail, List<HeaderField> header) {
        if (mail.mailClass() != null) {
            return mail.mailClass();
        }
        if (client.wantedClass() != null) {
            return client.wantedClass();
        }
        String named = named(client, classHeader, header);
        if (named == null) {
            return null;
        }
        MailClass mailClass = MailClass.of(named);
        if (mailClass == null) {
            throw new IllegalNameException(classHeader, "expected transactional or bulk");
        }
        return mailClass;
    }

    private boolean isTrusted(Client client) {
        return fromAnybody || client.relayNetwork() || client.identity() != null;
    }

    /** The topmost field counts: it is the one that was added last. An empty one is none. */
    private @Nullable String named(Client client, String name, List<HeaderField> header) {
        if (header.isEmpty() || name.isEmpty() || !isTrusted(client)) {
            return null;
        }
        for (HeaderField field : header) {
            if (field.name().equalsIgnoreCase(name)) {
                if (field.value().isEmpty()) {
                    return null;
                }
                if (!isName(field.value())) {
                    throw new IllegalNameException(field.name());
                }
                return field.value();
            }
        }
        return null;
    }

    /** Whether {@code text} can be a tenant's or campaign's name. */
    static boolean isName(String text) {
        return text.length() <= MAX_LENGTH && text.codePoints().allMatch(Tenancy::isPrintable);
    }

    private static boolean isPrintable(int c) {
        return switch (Character.getType(c)) {
            case Character.CONTROL, Character.FORMAT, Character.SURROGATE, Character.PRIVATE_USE, Character.UNASSIGNED,
                    Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR ->
                false;
            default -> c != '\uFFFD'; // what was no UTF-8
        };
    }

    /** A client named a tenant, campaign or class that can't be. Has no stack trace: what it tells is about the message. */
    static final class IllegalNameException extends RuntimeException {
        IllegalNameException(String header) {
            this(header, "expected at most " + MAX_LENGTH + " printable characters");
        }

        IllegalNameException(String header, String expected) {
            super(header + ": " + expected, null, false, false);
        }
    }
}
