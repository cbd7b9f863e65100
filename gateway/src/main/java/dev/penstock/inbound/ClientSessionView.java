package dev.penstock.inbound;

import java.net.InetSocketAddress;
import java.time.Duration;

import org.jspecify.annotations.Nullable;

import dev.penstock.message.MessageEvent;

/**
 * A client's session as an operator sees it.
 *
 * @param id       as in the log and in the delivery log
 * @param client   as PROXY or XCLIENT told it
 * @param helo     empty until EHLO or HELO
 * @param login    who the client has proved to be, empty for nobody
 * @param protocol as RFC 3848 names it
 * @param tls      null in clear
 * @param state    what it does
 * @param since    how long it has been in that state
 * @param age      how long it has been there
 * @param messages accepted
 * @param octets   read of the client, those of TLS aside
 */
public record ClientSessionView(String id, InetSocketAddress client, String helo, String login, String listener,
        String protocol, MessageEvent.@Nullable Tls tls, State state, Duration since, Duration age, int messages,
        long octets) {
    /** What is waited for: the client but where it says otherwise. */
    public enum State {
        /** The greeting, which a policy is asked about, or which waits so that bad clients talk. */
        GREETING,
        HANDSHAKE,
        /** For a command. */
        COMMAND,
        AUTH,
        /** Content after DATA. */
        DATA,
        /** Content after BDAT. */
        CHUNK,
        /** For a policy, or who checks credentials. */
        ANSWER,
        /** For a message to be durable. */
        COMMIT,
        /** For the spool to catch up. */
        SPOOL,
        /** For other messages to leave memory. */
        MEMORY,
        /** Because of an error. */
        PENALTY,
        /** For the client to read replies. */
        REPLIES,
        CLOSING
    }

    static State state(SessionPhase phase, Wait wait) {
        @Nullable
        State waiting = switch (wait) {
            case NONE -> null;
            case ANSWER -> State.ANSWER;
            case COMMIT -> State.COMMIT;
            case SPOOL -> State.SPOOL;
            case MEMORY -> State.MEMORY;
            case PENALTY -> State.PENALTY;
            case CLIENT -> State.REPLIES;
        };
        return switch (phase) {
            case GREETING -> waiting == null ? State.GREETING : waiting;
            case HANDSHAKE -> State.HANDSHAKE;
            case COMMANDS -> waiting == null ? State.COMMAND : waiting;
            case AUTH -> waiting == null ? State.AUTH : waiting;
            case DATA -> waiting == null ? State.DATA : waiting;
            case CHUNK -> waiting == null ? State.CHUNK : waiting;
            case CLOSING, CLOSED -> State.CLOSING;
        };
    }
}
