package dev.penstock.config;

/** Where metrics and health are served. */
public record HttpConfig(String address, int port) {
    public static final HttpConfig DEFAULT = new HttpConfig("127.0.0.1", 8025);
}
