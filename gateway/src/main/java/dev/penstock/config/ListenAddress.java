package dev.penstock.config;

/** An address and port to listen on: {@code 127.0.0.1:2525}, {@code [::1]:25}. Port 0 lets the system choose. */
public record ListenAddress(String address, int port) {
    /** As configuration writes it. */
    @Override
    public String toString() {
        return (address.contains(":") ? "[" + address + "]" : address) + ":" + port;
    }
}
