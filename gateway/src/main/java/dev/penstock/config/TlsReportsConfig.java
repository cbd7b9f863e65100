package dev.penstock.config;

import static dev.penstock.config.Types.choice;
import static dev.penstock.config.Types.text;

import java.nio.file.Path;

/** Reports to receivers about TLS with their hosts (RFC 8460). Each component is the key of its name. */
public record TlsReportsConfig(Mode mode, Path directory, String contact) implements TableRecord<TlsReportsConfig> {
    static final Table<TlsReportsConfig> TABLE = Table.of(TlsReportsConfig.class, TlsReportsConfig::new,
            "Daily reports to receivers about TLS with their hosts (TLSRPT, RFC 8460). See gateway/docs/tls.md.");
    public static final Key<TlsReportsConfig, Mode> MODE = TABLE.key("mode", TlsReportsConfig::mode, choice(Mode.OFF),
            "\"off\"; \"write\": a file for each domain that demands TLS or that something was wrong with; \"send\": those "
                    + "of domains that ask for them (their _smtp._tls record) are sent there too, by mail or HTTPS.")
            .restart();
    public static final Key<TlsReportsConfig, Path> DIRECTORY = TABLE.key("directory", TlsReportsConfig::directory,
            Types.directory("data/tls-reports"), "Where the reports lie, and what the current day has counted so far.")
            .restart();
    public static final Key<TlsReportsConfig, String> CONTACT = TABLE.key("contact", TlsReportsConfig::contact,
            text("a mail address in quotes", "", TlsReportsConfig::address),
            "Who reports, for questions, and the From of those that go by mail. Empty: postmaster at gateway.hostname.")
            .restart();

    public static final TlsReportsConfig DEFAULT = TABLE.defaults();

    private TlsReportsConfig(Values<TlsReportsConfig> values) {
        this(values.get(MODE), values.get(DIRECTORY), values.get(CONTACT));
    }

    private static String address(String text) {
        if (!text.isEmpty() && !text.matches("[\\w.+-]{1,64}@[\\w.-]{1,253}")) {
            throw new IllegalArgumentException("expected an address like tls@example.net");
        }
        return text;
    }

    /** What becomes of reports. */
    public enum Mode {
        OFF,
        WRITE,
        SEND
    }
}
