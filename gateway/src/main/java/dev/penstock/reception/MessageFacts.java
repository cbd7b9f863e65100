package dev.penstock.reception;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

import org.jspecify.annotations.Nullable;

import dev.penstock.policy.FromHeader;
import dev.penstock.policy.Policy.HeaderField;
import dev.penstock.preflight.Facts;
import dev.penstock.preflight.SignatureFacts;

/** Reads out of a header section what a preflight judges. Pure functions. */
public final class MessageFacts {
    /** Fields of which there may be one (RFC 5322 3.6). */
    private static final List<String> SINGLE = List.of("from", "sender", "reply-to", "to", "cc", "bcc", "message-id",
            "subject", "date");
    private static final List<String> OTHERS = List.of("list-unsubscribe", "list-unsubscribe-post", "dkim-signature");

    private static final Set<String> SIGNATURE_TAGS = Set.of("d", "s", "a", "h");

    /** Lower case names of the fields that it needs. */
    public static final List<String> WANTED = wanted();

    private MessageFacts() {}

    private static List<String> wanted() {
        List<String> all = new ArrayList<>(SINGLE);
        all.addAll(OTHERS);
        return List.copyOf(all);
    }

    /**
     * @param header       fields of a whole message, those of other names don't matter
     * @param returnDomain of the reverse path, empty for {@code <>}
     */
    public static Facts of(List<HeaderField> header, String returnDomain, Facts.Lines lines) {
        int froms = 0;
        @Nullable
        String messageId = null;
        boolean hasDate = false;
        String unsubscribe = "";
        String oneClick = "";
        List<SignatureFacts> signatures = new ArrayList<>(2);
        Set<String> seen = new HashSet<>();
        List<String> repeated = new ArrayList<>(0);
        for (HeaderField field : header) {
            String name = field.name().toLowerCase(Locale.ROOT);
            switch (name) {
                case "from" -> froms++;
                case "message-id" -> messageId = messageId == null ? field.value() : messageId;
                case "date" -> hasDate = true;
                case "list-unsubscribe" -> unsubscribe = unsubscribe.isEmpty() ? field.value() : unsubscribe;
                case "list-unsubscribe-post" -> oneClick = oneClick.isEmpty() ? field.value() : oneClick;
                case "dkim-signature" -> addSignature(field.value(), signatures);
                default -> {
                }
            }
            if (SINGLE.contains(name) && !seen.add(name) && !name.equals("from") && !repeated.contains(name)) {
                repeated.add(name);
            }
        }
        FromHeader from = FromHeader.of(header);
        return new Facts(froms, domains(from), from instanceof FromHeader.Unreadable(String why) ? why : "", repeated,
                messageId == null ? "" : messageId, hasDate, unsubscribe, oneClick,
                returnDomain.toLowerCase(Locale.ROOT), signatures, lines);
    }

    private static List<String> domains(FromHeader from) {
        return switch (from) {
            case FromHeader.Mailboxes(var mailboxes) ->
                mailboxes.stream().map(mailbox -> mailbox.domain().toLowerCase(Locale.ROOT)).distinct().toList();
            case FromHeader.Unreadable _ -> List.of();
        };
    }

    private static void addSignature(String value, List<SignatureFacts> signatures) {
        Map<String, String> tags = new HashMap<>();
        for (String part : value.split(";", 0)) {
            int equals = part.indexOf('=');
            String name = equals > 0 ? part.substring(0, equals).strip() : "";
            if (SIGNATURE_TAGS.contains(name)) {
                tags.put(name, withoutSpace(part, equals + 1).toLowerCase(Locale.ROOT));
            }
        }
        String domain = tags.getOrDefault("d", "");
        String selector = tags.getOrDefault("s", "");
        if (!domain.isEmpty() && !selector.isEmpty()) { // without them it is no signature (RFC 6376 3.5)
            signatures.add(new SignatureFacts(domain, selector, tags.getOrDefault("a", ""),
                    Arrays.stream(tags.getOrDefault("h", "").split(":")).collect(Collectors.toSet())));
        }
    }

    /** Values may be folded anywhere (RFC 6376 3.2). */
    private static String withoutSpace(String text, int from) {
        StringBuilder kept = new StringBuilder(text.length() - from);
        for (int i = from; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c > ' ') {
                kept.append(c);
            }
        }
        return kept.toString();
    }
}
