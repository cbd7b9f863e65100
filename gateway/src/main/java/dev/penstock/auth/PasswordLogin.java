package dev.penstock.auth;

import java.util.concurrent.CompletableFuture;

/** Decides about a name and a password. */
@FunctionalInterface
interface PasswordLogin {
    /**
     * @param password UTF-8
     * @return Success or Failure, within a deadline, never exceptionally
     */
    CompletableFuture<Exchange.Step> check(String name, byte[] password);
}
