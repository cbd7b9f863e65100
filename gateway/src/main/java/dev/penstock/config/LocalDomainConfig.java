package dev.penstock.config;

import java.nio.file.Path;
import java.util.Optional;

/**
 * A domain of our own: its recipients are verified at RCPT and its mail is handed to a store.
 *
 * @param recipients a file with the addresses there are; empty when the store is asked or everybody is taken
 */
public record LocalDomainConfig(Optional<Path> recipients) {}
