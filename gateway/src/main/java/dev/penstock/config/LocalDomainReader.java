package dev.penstock.config;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import dev.penstock.config.LocalDomainConfig.Lmtp;
import dev.penstock.config.LocalDomainConfig.Maildir;
import dev.penstock.config.LocalDomainConfig.OnFailure;
import dev.penstock.config.LocalDomainConfig.Smtp;
import dev.penstock.config.LocalDomainConfig.Store;
import dev.penstock.config.LocalDomainConfig.Verify;

/** Reads the tables {@code [local."example.com"]}. Stateless. */
final class LocalDomainReader {
    /** Punctuation of an atom (RFC 5322 3.2.3) that means nothing in a path. */
    private static final Pattern DELIMITERS = Pattern.compile("[-+=_#!~^$%&*]*");
    private static final Pattern PLACEHOLDER = Pattern.compile("\\{[^}/]*}?");
    private static final String STORES = "lmtp, smtp, maildir";

    private LocalDomainReader() {}

    static Map<String, LocalDomainConfig> read(TableBinder table) {
        Map<String, LocalDomainConfig> domains = new LinkedHashMap<>();
        for (String name : table.keys()) {
            TableBinder domain = table.table(name);
            if (!table.hasTable(name)) {
                continue;
            }
            if (domain.holdsOnlyTables()) {
                table.reject(name, "a domain needs quotes here: [local.\"" + name + "."
                        + domain.keys().iterator().next() + "\"]");
                continue;
            }
            LocalDomainConfig config = domain(table, name, domain);
            try {
                String normal = Syntax.domain(name);
                table.means(name, normal);
                if (domains.put(normal, config) != null) {
                    table.reject(name, "this domain stands here in another spelling already");
                }
            } catch (IllegalArgumentException e) {
                table.reject(name, String.valueOf(e.getMessage()));
            }
        }
        return domains;
    }

    private static LocalDomainConfig domain(TableBinder parent, String name, TableBinder table) {
        Optional<Path> recipients = LocalDomainConfig.RECIPIENTS.read(table);
        String delimiter = LocalDomainConfig.RECIPIENT_DELIMITER.read(table);
        boolean caseSensitive = LocalDomainConfig.CASE_SENSITIVE.read(table);
        Store store = store(parent, name, table, delimiter, caseSensitive);
        Verify verify = verify(parent, name, table, store, recipients);
        LocalDomainConfig config = new LocalDomainConfig(store, verify, recipients, delimiter, caseSensitive,
                LocalDomainConfig.POSITIVE_TTL.read(table), LocalDomainConfig.NEGATIVE_TTL.read(table),
                LocalDomainConfig.VERIFY_DEADLINE.read(table), LocalDomainConfig.ON_FAILURE.read(table));
        table.end();
        recipients.filter(file -> !Files.isReadable(file)).ifPresent(_ -> table.warn("recipients",
                "can't be read now; until it can, every recipient of the domain is answered as on-failure says"));
        return config;
    }

    static OnFailure onFailureWord(TableBinder table, String key, OnFailure otherwise) {
        return table.text(key, otherwise, "\"defer\" or \"accept\"", text -> switch (text) {
            case "defer" -> OnFailure.DEFER;
            case "accept" -> OnFailure.ACCEPT;
            default -> throw new IllegalArgumentException("allowed: \"defer\", \"accept\"");
        });
    }

    static Verify verifyWord(TableBinder table, String key, Verify otherwise) {
        return table.text(key, otherwise, "\"file\", \"call-ahead\" or \"none\"", text -> switch (text) {
            case "file" -> Verify.FILE;
            case "call-ahead" -> Verify.CALL_AHEAD;
            case "none" -> Verify.NONE;
            default -> throw new IllegalArgumentException("allowed: \"file\", \"call-ahead\", \"none\"");
        });
    }

    static String delimiter(String text) {
        if (!DELIMITERS.matcher(text).matches()) {
            throw new IllegalArgumentException("allowed: none or some of - + = _ # ! ~ ^ $ % & *");
        }
        return text;
    }

    private static Store store(TableBinder parent, String name, TableBinder table, String delimiter,
            boolean caseSensitive) {
        List<String> lmtp = LocalDomainConfig.LMTP.read(table);
        List<String> smtp = LocalDomainConfig.SMTP.read(table);
        String template = LocalDomainConfig.MAILDIR.read(table);
        boolean create = LocalDomainConfig.MAILDIR_CREATE.read(table);
        for (String key : List.of("lmtp", "smtp")) {
            if (table.isEmptyArray(key)) {
                table.reject(key, "at least one host is needed");
            }
        }
        if (table.has("maildir-create") && !table.has("maildir")) {
            table.reject("maildir-create", "has no meaning without maildir");
        }
        List<String> given = Stream.of("lmtp", "smtp", "maildir").filter(table::has).toList();
        if (given.isEmpty()) {
            parent.reject(name, "where its mail goes is missing; expected one of " + STORES);
        } else if (given.size() > 1) {
            table.reject(given.get(1), "the mail goes by " + given.getFirst() + " already; allowed: one of " + STORES);
        }
        return table.has("maildir")
                ? new Maildir(new MaildirConfig(template, create, delimiter, caseSensitive))
                : table.has("smtp") ? new Smtp(smtp) : new Lmtp(lmtp);
    }

    private static Verify verify(TableBinder parent, String name, TableBinder table, Store store,
            Optional<Path> recipients) {
        Verify byOthers = recipients.isPresent() || store instanceof Maildir ? Verify.FILE : Verify.CALL_AHEAD;
        Verify verify = LocalDomainConfig.VERIFY.read(table, byOthers);
        switch (verify) {
            case FILE -> {
                if (!table.has("recipients")) {
                    parent.reject(name, "recipients is missing: the file with the addresses there are"
                            + (table.has("verify") ? "" : "; without one, say verify = \"none\""));
                }
            }
            case CALL_AHEAD -> {
                if (store instanceof Maildir) {
                    table.reject("verify", "a Maildir can't be asked; allowed here: \"file\", \"none\"");
                }
                if (recipients.isPresent()) {
                    table.reject("recipients", "is not used with verify = \"call-ahead\"");
                }
            }
            case NONE -> {
                if (recipients.isPresent()) {
                    table.reject("recipients", "is not used with verify = \"none\"");
                }
                if (store instanceof Maildir(MaildirConfig maildir) && maildir.create()) {
                    table.reject("verify", "anybody could have directories made; say maildir-create = false, "
                            + "or name the recipients");
                }
            }
        }
        return verify;
    }

    /** RFC 2033 5: LMTP must not be spoken on port 25. */
    static String lmtpHost(String text) {
        Syntax.host(text);
        if (Syntax.portOf(text) == 25) {
            throw new IllegalArgumentException("LMTP must not use port 25 (RFC 2033 5)");
        }
        return text;
    }

    static String template(String text) {
        if (!text.startsWith("/") || !TableBinder.toPath(text).normalize().toString().equals(text)) {
            throw new IllegalArgumentException("expected an absolute path without . and ..");
        }
        Matcher matcher = PLACEHOLDER.matcher(text);
        while (matcher.find()) {
            if (!List.of(MaildirConfig.LOCAL, MaildirConfig.DOMAIN).contains(matcher.group())) {
                throw new IllegalArgumentException(matcher.group() + " is unknown; allowed: " + MaildirConfig.LOCAL
                        + ", " + MaildirConfig.DOMAIN);
            }
        }
        if (!text.contains(MaildirConfig.LOCAL)) {
            throw new IllegalArgumentException("expected " + MaildirConfig.LOCAL
                    + " in it, like /var/mail/{domain}/{local}/Maildir");
        }
        return text;
    }
}
