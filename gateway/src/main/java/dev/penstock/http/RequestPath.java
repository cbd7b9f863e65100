package dev.penstock.http;

/** The path of a request as it was written. Pure functions. */
public final class RequestPath {
    private RequestPath() {}

    /**
     * Of a request target in origin or absolute form (RFC 9112 3.2), without its query. Nothing is decoded and no dot
     * segment resolved: a proxy in front, which decides by the path that it reads, must not have read another.
     *
     * @param target as in the request line
     */
    public static String of(String target) {
        int from = 0;
        int scheme = target.startsWith("/") ? -1 : target.indexOf("://");
        if (scheme >= 0) {
            from = target.indexOf('/', scheme + 3);
            if (from < 0) {
                return "/";
            }
        }
        int to = from;
        while (to < target.length() && target.charAt(to) != '?' && target.charAt(to) != '#') {
            to++;
        }
        return target.substring(from, to);
    }
}
