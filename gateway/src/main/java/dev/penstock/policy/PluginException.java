package dev.penstock.policy;

/** Plug-ins couldn't be loaded; the message names what and why. */
public final class PluginException extends RuntimeException {
    PluginException(String message) {
        super(message);
    }

    PluginException(String message, Throwable cause) {
        super(message, cause);
    }
}
