package dev.penstock.smtp;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** Reads the attributes of XCLIENT (Postfix XCLIENT_README). Pure function. */
final class XclientAttributes {
    private static final Set<String> NAMES = Set.of("NAME", "ADDR", "PORT", "PROTO", "HELO", "LOGIN", "DESTADDR",
            "DESTPORT");
    private static final String IPV6 = "IPV6:";
    private static final int MAX_PORT = 65_535;

    private XclientAttributes() {}

    /** @throws CommandSyntaxException with the reply's text */
    static Map<String, String> parse(String text) {
        Map<String, String> attributes = new LinkedHashMap<>();
        for (String word : text.strip().split("[ \t]+", -1)) {
            int equals = word.indexOf('=');
            String name = equals < 0 ? "" : word.substring(0, equals).toUpperCase(Locale.ROOT);
            if (name.isEmpty()) {
                throw new CommandSyntaxException("Syntax: XCLIENT attribute=value ...");
            }
            if (!NAMES.contains(name)) {
                throw new CommandSyntaxException("Bad XCLIENT attribute name");
            }
            String value = XText.decode(word.substring(equals + 1));
            if (value == null || value.isEmpty()) {
                throw new CommandSyntaxException("Bad " + name + " value, expected xtext");
            }
            if (attributes.putIfAbsent(name, checked(name, value)) != null) {
                throw new CommandSyntaxException(name + " given twice");
            }
        }
        return Map.copyOf(attributes);
    }

    private static String checked(String name, String value) {
        if (value.equalsIgnoreCase(Command.Xclient.UNAVAILABLE)) {
            return Command.Xclient.UNAVAILABLE;
        }
        if (value.equalsIgnoreCase(Command.Xclient.TEMPORARILY_UNAVAILABLE)) {
            return Command.Xclient.TEMPORARILY_UNAVAILABLE;
        }
        return switch (name) {
            case "ADDR", "DESTADDR" -> address(name, value);
            case "PORT", "DESTPORT" -> {
                if (value.length() > 5 || !value.chars().allMatch(c -> c >= '0' && c <= '9')
                        || Integer.parseInt(value) > MAX_PORT) {
                    throw new CommandSyntaxException("Bad " + name + " value, expected a port number");
                }
                yield value;
            }
            case "PROTO" -> {
                String protocol = value.toUpperCase(Locale.ROOT);
                if (!protocol.equals("SMTP") && !protocol.equals("ESMTP")) {
                    throw new CommandSyntaxException("Bad PROTO value, expected SMTP or ESMTP");
                }
                yield protocol;
            }
            default -> value;
        };
    }

    private static String address(String name, String value) {
        boolean tagged = value.regionMatches(true, 0, IPV6, 0, IPV6.length());
        String literal = tagged ? value.substring(IPV6.length()) : value;
        if (!isAddress(literal, tagged)) {
            throw new CommandSyntaxException("Bad " + name + " value, expected an IPv4 address or IPV6:address");
        }
        return literal;
    }

    private static boolean isAddress(String literal, boolean v6) {
        try {
            InetAddress address = InetAddress.ofLiteral(literal);
            return literal.indexOf('%') < 0 && (!v6 || address instanceof Inet6Address);
        } catch (IllegalArgumentException e) {
            return false;
        }
    }
}
