package dev.penstock.config;

import java.nio.file.Path;

/**
 * Where the Maildirs of a domain's recipients are.
 *
 * @param template           an absolute path with {@value #LOCAL} for the recipient's local part, without its tag, and
 *                           perhaps {@value #DOMAIN} for its domain
 * @param create             whether a Maildir that isn't there is made
 * @param recipientDelimiter as {@link LocalDomainConfig#recipientDelimiter()}
 * @param caseSensitive      as {@link LocalDomainConfig#caseSensitive()}; else local parts are put in lower case
 */
public record MaildirConfig(String template, boolean create, String recipientDelimiter, boolean caseSensitive) {
    public static final String LOCAL = "{local}";
    public static final String DOMAIN = "{domain}";

    /** The directory that must be there: all above the first part that differs between recipients or domains. */
    public Path base() {
        int first = template.indexOf('{');
        return Path.of(template.substring(0, template.lastIndexOf('/', first) + 1));
    }
}
