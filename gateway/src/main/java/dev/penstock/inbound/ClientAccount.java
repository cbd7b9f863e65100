package dev.penstock.inbound;

import java.net.InetAddress;
import java.util.concurrent.atomic.AtomicInteger;

import org.jspecify.annotations.Nullable;

/**
 * One session's part in the accounts of its client, see {@link ClientAccounts}. Confined to the session's event loop; what
 * it counts in is shared.
 */
final class ClientAccount {
    static final byte[] TOO_MANY_MESSAGES = Replies.encoded(451, "4.7.1", "Error: too much mail from your address");
    static final byte[] TOO_MANY_RECIPIENTS = Replies.encoded(452, "4.7.1",
            "Error: too many recipients from your address");

    private final ClientAccounts accounts;
    private final AtomicInteger listenerSessions;
    private @Nullable SessionRefusal refusal;
    private boolean open; // counted in the totals
    private @Nullable InetAddress address;
    private ClientAccounts.@Nullable Client client; // null while nobody's
    private ClientAccounts.@Nullable Client network;
    private ClientAccounts.@Nullable Limits seen;
    private boolean exempt;

    ClientAccount(ClientAccounts accounts, AtomicInteger listenerSessions, @Nullable SessionRefusal refusal) {
        this.accounts = accounts;
        this.listenerSessions = listenerSessions;
        this.refusal = refusal;
        this.open = refusal == null;
    }

    /** @return why the session may not be, null when it may; a refused one is counted nowhere */
    @Nullable
    SessionRefusal refusal() {
        return refusal;
    }

    /**
     * The session is another client's than it seemed: PROXY and XCLIENT told so. It leaves the one's account and enters
     * the other's.
     *
     * @return why it may not go on, null when it may; a refused one is counted nowhere
     */
    @Nullable
    SessionRefusal move(InetAddress to) {
        if (open) {
            forgetClient();
            refusal = accounts.admit(this, to);
            if (refusal != null) {
                leave();
            }
        }
        return refusal;
    }

    /** Counts a MAIL command. @return false when it is one too many: {@link #TOO_MANY_MESSAGES} is the reply */
    boolean mayMail() {
        return take(ClientAccounts.Event.MESSAGE);
    }

    /** Counts an RCPT command. @return false when it is one too many: {@link #TOO_MANY_RECIPIENTS} is the reply */
    boolean mayRcpt() {
        return take(ClientAccounts.Event.RECIPIENT);
    }

    /** Counts an error; this session goes on, the client's next one may be refused. */
    void error() {
        take(ClientAccounts.Event.ERROR);
    }

    /** The session is over. Idempotent. */
    void leave() {
        if (open) {
            open = false;
            forgetClient();
            listenerSessions.decrementAndGet();
            accounts.leave();
        }
    }

    private boolean take(ClientAccounts.Event event) {
        ClientAccounts.Client mine = client;
        ClientAccounts.Limits limits = accounts.limits();
        if (mine == null || limits.spacing(event).isNone()) {
            return true;
        }
        return isExempt(limits) || accounts.take(mine, event, limits);
    }

    private boolean isExempt(ClientAccounts.Limits limits) {
        if (limits != seen && address != null) {
            seen = limits;
            exempt = limits.exempts(address);
        }
        return exempt;
    }

    private void forgetClient() {
        if (client != null) {
            accounts.forget(client, network);
            client = null;
            network = null;
        }
    }

    /** Called by {@link ClientAccounts#admit}. */
    void opened(InetAddress of, ClientAccounts.Client newClient, ClientAccounts.Client newNetwork,
            ClientAccounts.Limits limits, boolean isExempt) {
        address = of;
        client = newClient;
        network = newNetwork;
        seen = limits;
        exempt = isExempt;
    }
}
