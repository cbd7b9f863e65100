package dev.penstock.local;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

import dev.penstock.smtp.AddressSyntaxException;
import dev.penstock.smtp.Mailbox;
import dev.penstock.smtp.MailboxParser;
import dev.penstock.units.WholeFile;

/**
 * The recipients that a file names. Immutable.
 *
 * <p>A line holds one recipient: {@code local}, in every domain that uses the file; {@code local@domain}; {@code *} for
 * all of every domain that uses the file; {@code @domain} for all of one. Lines that begin with {@code #} and empty ones
 * mean nothing, nor does what follows a {@code #} after space.
 */
final class RecipientList {
    /** Enough to see what is wrong with a file that isn't of this form at all. */
    private static final int MAX_ERRORS = 5;

    private final boolean caseSensitive;
    private final Set<String> bare = new HashSet<>();
    private final Map<String, Set<String>> byDomain = new HashMap<>();
    private final Set<String> wholeDomains = new HashSet<>();
    private boolean everybody;

    private RecipientList(boolean caseSensitive) {
        this.caseSensitive = caseSensitive;
    }

    /** @throws IOException also when a line can't be understood, naming up to {@value #MAX_ERRORS} of them */
    static RecipientList read(Path file, boolean caseSensitive) throws IOException {
        RecipientList list = new RecipientList(caseSensitive);
        List<String> errors = new ArrayList<>();
        int number = 0;
        WholeFile.mustBeFile(file);
        try (BufferedReader reader = Files.newBufferedReader(file)) {
            String line;
            while ((line = reader.readLine()) != null && errors.size() < MAX_ERRORS) {
                number++;
                try {
                    list.add(line.strip());
                } catch (AddressSyntaxException e) {
                    errors.add(file + ":" + number + ": \"" + line.strip() + "\": " + e.getMessage());
                }
            }
        } catch (MalformedInputException e) {
            throw new IOException(file + ":" + (number + 1) + ": is not UTF-8 here or soon after", e);
        }
        if (!errors.isEmpty()) {
            throw new IOException(String.join("; ", errors));
        }
        return list;
    }

    private void add(String line) throws AddressSyntaxException {
        String text = line;
        if (!text.startsWith("\"")) { // a quoted local part may have a space and a # in it
            int comment = text.startsWith("#") ? 0 : Math.max(text.indexOf(" #"), text.indexOf("\t#"));
            text = comment < 0 ? text : text.substring(0, comment).strip();
        }
        if (text.isEmpty()) {
            return;
        }
        if (text.equals("*")) {
            everybody = true;
        } else if (text.startsWith("@")) {
            wholeDomains.add(MailboxParser.parse("any" + text, true).domain());
        } else if (text.indexOf('@') < 0 || text.startsWith("\"") && text.endsWith("\"")) {
            bare.add(LocalParts.of(MailboxParser.parse(text + "@localhost", true).address(), caseSensitive));
        } else {
            Mailbox mailbox = MailboxParser.parse(text, true);
            byDomain.computeIfAbsent(mailbox.domain(), _ -> new HashSet<>())
                    .add(LocalParts.of(mailbox.address(), caseSensitive));
        }
    }

    /** @param local as {@link LocalParts#of} */
    boolean has(String domain, String local) {
        return everybody || bare.contains(local) || wholeDomains.contains(domain)
                || byDomain.getOrDefault(domain, Set.of()).contains(local);
    }

    int size() {
        return bare.size() + byDomain.values().stream().mapToInt(Set::size).sum();
    }
}
