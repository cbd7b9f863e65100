package dev.penstock.queue;

import java.util.Locale;

import org.jspecify.annotations.Nullable;

import dev.penstock.queue.Selection.Place;

/** By what queued mail, and what became of mail, is put together. */
public enum Grouping {
    DOMAIN,
    SITE,
    PROVIDER,
    SOURCE,
    POOL,
    TENANT,
    /** Named {@code tenant/campaign}. */
    CAMPAIGN;

    private final String word = name().toLowerCase(Locale.ROOT);

    /** As queries and the command line write it. */
    public String word() {
        return word;
    }

    /** Null when there is no such. */
    public static @Nullable Grouping of(String text) {
        for (Grouping grouping : values()) {
            if (grouping.word.equalsIgnoreCase(text)) {
                return grouping;
            }
        }
        return null;
    }

    /** The name of what the place belongs to; empty for none. */
    public String name(Place place) {
        return switch (this) {
            case DOMAIN -> place.domain();
            case SITE -> place.site();
            case PROVIDER -> place.provider();
            case SOURCE -> place.source();
            case POOL -> place.pool();
            case TENANT -> place.tenant();
            case CAMPAIGN -> place.campaign().isEmpty() ? "" : place.tenant() + "/" + place.campaign();
        };
    }

    /** The attribute of a {@link Selection} that picks one by its name; of a campaign, with its tenant. */
    public Selection.Attribute attribute() {
        return switch (this) {
            case DOMAIN -> Selection.Attribute.DOMAIN;
            case SITE -> Selection.Attribute.SITE;
            case PROVIDER -> Selection.Attribute.PROVIDER;
            case SOURCE -> Selection.Attribute.SOURCE;
            case POOL -> Selection.Attribute.POOL;
            case TENANT -> Selection.Attribute.TENANT;
            case CAMPAIGN -> Selection.Attribute.CAMPAIGN;
        };
    }
}
