package dev.penstock.top;

import java.io.IOException;

import dev.penstock.admin.AdminClient;

/** What is asked. */
@FunctionalInterface
public interface Gateway {
    /** A client, on the thread that uses it. */
    AdminClient open() throws IOException;
}
