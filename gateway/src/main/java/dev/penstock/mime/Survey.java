package dev.penstock.mime;

import java.io.IOException;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;

import dev.penstock.mime.MimeHeader.Field;
import dev.penstock.mime.MimeWalk.Piece;

/** Finds out which parts of content must be encoded, and whether they may be. Confined to its walk. */
final class Survey implements MimeWalk.Visitor {
    /** What becomes of an entity. */
    enum Change {
        NONE(0),
        /** Parts in it change, and it is 7-bit then. */
        OF_PARTS(1),
        QUOTED_PRINTABLE(2),
        BASE64(3);

        private static final Change[] ALL = values();
        /** In a plan. */
        private final byte code;

        Change(int code) {
            this.code = (byte) code;
        }

        static Change of(byte[] plan, int entity) {
            byte planned = entity < plan.length ? plan[entity] : NONE.code;
            for (Change each : ALL) {
                if (each.code == planned) {
                    return each;
                }
            }
            throw new IllegalArgumentException("no change: " + planned);
        }
    }

    /** No conversion of the content does. */
    static final class Refused extends IOException {
        private static final long serialVersionUID = 1;

        Refused(String why) {
            super(why);
        }

        String why() {
            return String.valueOf(getMessage());
        }
    }

    private byte[] plan = {};
    /** Multiparts with 8-bit octets before the first line with their boundary. */
    private final Set<Entity> undelimited = new HashSet<>();

    /** By entity, the code of its {@link Change}; those behind its end have none. */
    byte[] plan() {
        return plan;
    }

    @Override
    public void header(Entity entity, Field field, boolean starts, Piece piece) throws Refused {
        if (piece.hasEightBit()) { // RFC 2045 1: only RFC 2047's words would do, and which charset isn't known
            throw new Refused("a header field has 8-bit octets");
        }
    }

    @Override
    public void endOfHeader(Entity entity) {
        // what is in it decides
    }

    @Override
    public void body(Entity entity, Piece piece) throws Refused {
        if (!piece.hasEightBit()) {
            return;
        }
        switch (entity.body) {
            case Entity.Body.Text _ -> change(entity, Change.QUOTED_PRINTABLE);
            case Entity.Body.Other _ -> change(entity, Change.BASE64);
            case Entity.Body.Fixed(String why) -> throw new Refused(why);
            case Entity.Body.Multipart _,Entity.Body.Message _ -> throw new IllegalStateException("has parts");
        }
    }

    @Override
    public void outside(Entity multipart, Piece piece) throws Refused {
        if (piece.hasEightBit()) {
            change(multipart, Change.OF_PARTS);
            if (!multipart.delimited) {
                undelimited.add(multipart);
            }
        }
    }

    /** The content has ended. A multipart in which no boundary came has all that it says outside of its parts. */
    void end() throws Refused {
        if (undelimited.stream().anyMatch(multipart -> !multipart.delimited)) {
            throw new Refused("a multipart has no part");
        }
    }

    private void change(Entity entity, Change change) throws Refused {
        if (Change.of(plan, entity.index) != Change.NONE && change != Change.OF_PARTS) {
            return;
        }
        set(entity, change);
        for (Entity outer = entity; outer != null; outer = outer.parent) {
            if (!outer.signature.isEmpty()) {
                throw new Refused("converted it would break its " + outer.signature);
            }
            if (outer != entity) {
                set(outer, Change.OF_PARTS);
            }
        }
    }

    private void set(Entity entity, Change change) {
        if (entity.index >= plan.length) {
            plan = Arrays.copyOf(plan, Math.max(entity.index + 1, 2 * plan.length));
        }
        plan[entity.index] = change.code;
    }

    @Override
    public void endOfBody(Entity entity, boolean delimited) {
        // nothing follows from it
    }

    @Override
    public void delimiter(Piece line) {
        // stays
    }

    @Override
    public void tooManyEntities() throws Refused {
        throw new Refused("it has too many parts");
    }
}
