package dev.penstock.smtp;

/**
 * Takes runs of bytes; the array is valid only during the call.
 *
 * @param <X> what it may throw, {@link RuntimeException} when nothing checked
 */
@FunctionalInterface
public interface Sink<X extends Exception> {
    void write(byte[] bytes, int offset, int length) throws X;
}
