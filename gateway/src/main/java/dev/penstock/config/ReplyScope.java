package dev.penstock.config;

/** Whom a reply is about. */
public enum ReplyScope {
    /** This address. */
    RECIPIENT,
    /** This message, for all its recipients there. */
    MESSAGE,
    /** All messages of its campaign: content, links. */
    CAMPAIGN,
    /** All mail of its tenant: the domain of From, of the envelope or of the signature is named. */
    TENANT,
    /** What was sent over this session is enough: the next one begins anew. */
    SESSION,
    /** How many sessions there are, or how fast they are opened. */
    CONNECTIONS,
    /** Our address, at this receiver. */
    SOURCE_PROVIDER,
    /** Our address, wherever it is asked from. */
    SOURCE,
    /** The receiver, whoever asks. */
    PROVIDER;

    private final String word = Types.word(this);

    /** As rules write it: {@code source-provider}. */
    public String word() {
        return word;
    }

    /** Whether it is about our address or about the receiver, and thus about more than one sender's mail. */
    public boolean isOfSite() {
        return this == SOURCE_PROVIDER || this == SOURCE || this == PROVIDER;
    }
}
