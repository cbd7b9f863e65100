package dev.penstock.delivery;

import java.io.IOException;
import java.net.Socket;

import dev.penstock.routing.MailHost;

/**
 * A connection to a host for one session.
 *
 * @param socket what is read and written; under TLS where a proxy is spoken to so
 * @param wire   closing it ends the connection at once, whatever another thread does with it
 * @param watch  keeps its deadlines
 * @param from   the address that the host sees; empty where there is none, or a proxy doesn't say
 */
record HostConnection(MailHost host, Socket socket, Socket wire, DeadlineGuard.Watch watch, String from) {
    /** At once; no deadline is kept any more. */
    void close() {
        watch.end();
        try {
            wire.close();
        } catch (IOException _) {
            // nothing is left to be done with it
        }
    }
}
