package dev.penstock.admin;

import java.net.InetAddress;
import java.net.URI;
import java.util.Locale;
import java.util.Set;

import org.jspecify.annotations.Nullable;

import dev.penstock.http.Problem;

/**
 * Keeps the pages that an operator's browser shows from using the API with his rights. Pure functions.
 *
 * <p>A page of somebody else's can make a browser send requests here: by a name of its own that it lets lead to this
 * address (DNS rebinding), which the Host field shows; or from its own origin, which Origin and Sec-Fetch-Site show, and
 * whose bodies can't be JSON unless we say so (CORS), which we never do.
 */
final class BrowserGuard {
    private static final String LOCALHOST = "localhost";

    /**
     * A request as a browser, or anybody, sends it.
     *
     * @param host      of its Host field, with the port; empty for none
     * @param origin    null for none
     * @param site      of its Sec-Fetch-Site field, null for none
     * @param hasBody   whether a body comes with it
     * @param mediaType of its Content-Type field, empty for none
     * @param encrypted whether it came over TLS: then the browser has checked whose name it uses
     */
    record Request(String host, @Nullable String origin, @Nullable String site, boolean hasBody, String mediaType,
            boolean encrypted) {}

    private BrowserGuard() {}

    /**
     * @param names by which this gateway is known, in lower case, besides addresses and {@code localhost}
     * @throws Problem when the request is none that a page of ours, or a program, would send
     */
    static void check(Request request, Set<String> names) {
        String host = name(request.host);
        if (!request.encrypted && !isOurs(host, names)) {
            throw Problem.of(Problem.Kind.FORBIDDEN, "\"" + request.host + "\" isn't a name of this gateway: use its "
                    + "address, localhost or " + String.join(" or ", names));
        }
        String site = request.site;
        if (site != null && !site.equals("same-origin") && !site.equals("none")) {
            throw Problem.of(Problem.Kind.FORBIDDEN, "a page of another site can't use this");
        }
        String origin = request.origin;
        if (origin != null && !isSame(origin, request)) {
            throw Problem.of(Problem.Kind.FORBIDDEN, "a page from " + origin + " can't use this");
        }
        if (request.hasBody && !isJson(request.mediaType)) {
            throw Problem.of(Problem.Kind.MEDIA_TYPE,
                    request.mediaType.isEmpty()
                            ? "a body needs Content-Type: application/json"
                            : "a body must be application/json, not " + request.mediaType);
        }
    }

    private static boolean isOurs(String host, Set<String> names) {
        if (host.equals(LOCALHOST) || names.contains(host)) {
            return true;
        }
        try {
            InetAddress.ofLiteral(host);
            return true;
        } catch (IllegalArgumentException _) {
            return false;
        }
    }

    /** Without port and brackets. */
    private static String name(String host) {
        String lower = host.toLowerCase(Locale.ROOT);
        if (lower.startsWith("[")) {
            int end = lower.indexOf(']');
            return end < 0 ? "" : lower.substring(1, end);
        }
        int colon = lower.indexOf(':');
        String name = colon < 0 ? lower : lower.substring(0, colon);
        return name.endsWith(".") ? name.substring(0, name.length() - 1) : name;
    }

    private static boolean isSame(String origin, Request request) {
        try {
            URI uri = URI.create(origin);
            return (request.encrypted ? "https" : "http").equals(uri.getScheme())
                    && request.host.equalsIgnoreCase(uri.getAuthority());
        } catch (IllegalArgumentException _) {
            return false; // "null", among others
        }
    }

    private static boolean isJson(String mediaType) {
        int parameters = mediaType.indexOf(';');
        return (parameters < 0 ? mediaType : mediaType.substring(0, parameters)).strip()
                .equalsIgnoreCase("application/json");
    }
}
