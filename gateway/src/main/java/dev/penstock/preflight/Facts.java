package dev.penstock.preflight;

import java.util.ArrayList;
import java.util.List;

/**
 * What a message says of itself: all that is judged but DNS. Immutable.
 *
 * @param fromFields    how many From fields there are
 * @param fromDomains   of the addresses in the From field, lower case, in order, each once; empty when it can't be read
 * @param fromTrouble   why the From field can't be read; empty when it can
 * @param repeated      lower case names of fields that stand there more than once and may not (RFC 5322 3.6)
 * @param messageId     the Message-ID field's value, empty without one
 * @param hasDate       whether there is a Date field
 * @param unsubscribe   the List-Unsubscribe field's value, empty without one
 * @param oneClick      the List-Unsubscribe-Post field's value, empty without one
 * @param returnDomain  of the reverse path, lower case; empty for {@code <>}
 * @param signatures    that it has or will have
 * @param lines         how its lines are
 */
public record Facts(int fromFields, List<String> fromDomains, String fromTrouble, List<String> repeated,
        String messageId, boolean hasDate, String unsubscribe, String oneClick, String returnDomain,
        List<SignatureFacts> signatures, Lines lines) {
    /**
     * @param bareNewlines whether a CR or LF stands alone
     * @param hasNul       whether there is an octet of zero
     * @param longest      octets of the longest line without its end
     */
    public record Lines(boolean bareNewlines, boolean hasNul, int longest) {
        /** Of a message whose lines were looked at on the way in, where what isn't right is refused or mended. */
        public static final Lines FINE = new Lines(false, false, 0);
    }

    public Facts {
        fromDomains = List.copyOf(fromDomains);
        repeated = List.copyOf(repeated);
        signatures = List.copyOf(signatures);
    }

    /** With signatures that it will have. */
    public Facts alsoSigned(List<SignatureFacts> planned) {
        List<SignatureFacts> all = new ArrayList<>(planned);
        all.addAll(signatures);
        return new Facts(fromFields, fromDomains, fromTrouble, repeated, messageId, hasDate, unsubscribe, oneClick,
                returnDomain, all, lines);
    }

    /** The domain that DMARC looks at; empty when there is none, or more than one. */
    String author() {
        return fromFields == 1 && fromDomains.size() == 1 ? fromDomains.getFirst() : "";
    }
}
