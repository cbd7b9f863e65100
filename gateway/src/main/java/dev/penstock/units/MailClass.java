package dev.penstock.units;

import java.util.Locale;

import org.jspecify.annotations.Nullable;

/** How urgent a message is, as configuration files, header fields and requests name it: {@code bulk}, {@code transactional}. */
public enum MailClass {
    /** Newsletters, offers: what may wait for other mail. It is what a message is when nothing else is said. */
    BULK,
    /** Passwords, receipts: what somebody waits for. */
    TRANSACTIONAL;

    private final String word = name().toLowerCase(Locale.ROOT);

    /** As it is written. */
    public String word() {
        return word;
    }

    /** In upper case or lower; null when {@code text} is neither. */
    public static @Nullable MailClass of(String text) {
        for (MailClass mailClass : values()) {
            if (mailClass.word.equalsIgnoreCase(text)) {
                return mailClass;
            }
        }
        return null;
    }
}
