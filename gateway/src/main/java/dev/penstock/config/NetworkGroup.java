package dev.penstock.config;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/** Networks that a word stands for in a configuration file: {@code link-local}. RFC 6890 lists where they come from. */
public enum NetworkGroup {
    /** This machine alone. */
    LOOPBACK("127.0.0.0/8 ::1"),
    /** The hosts of one cable; cloud providers answer questions about a machine at 169.254.169.254. */
    LINK_LOCAL("169.254.0.0/16 fe80::/10"),
    /** No host at all; a connection there is one to this machine. */
    UNSPECIFIED("0.0.0.0/8 ::"),
    /** Every address of this machine's interfaces, which nobody can list in advance. */
    OWN(""),
    /** RFC 1918, RFC 6598, RFC 4193, and what RFC 3879 has withdrawn. */
    PRIVATE("10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10 fc00::/7 fec0::/10");

    /** For messages. */
    static final String NAMES = Arrays.stream(values()).map(NetworkGroup::word).collect(Collectors.joining(", "));

    private final String networks; // with a space between them

    NetworkGroup(String networks) {
        this.networks = networks;
    }

    /** The group that the word stands for. */
    public static Optional<NetworkGroup> named(String word) {
        return Arrays.stream(values()).filter(group -> group.word().equals(word)).findFirst();
    }

    /** CIDR blocks; of {@link #OWN} none. */
    public List<String> networks() {
        return networks.isEmpty() ? List.of() : List.of(networks.split(" ", -1));
    }

    private String word() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
