package dev.penstock.testing;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Function;

import org.jspecify.annotations.Nullable;

import dev.penstock.message.Recipient;
import dev.penstock.policy.Client;
import dev.penstock.policy.Decision;
import dev.penstock.policy.Policy;
import dev.penstock.smtp.Reply;

/**
 * Relays for relay networks and identities, and answers what a test tells it to, when the test wants it. Thread-safe, but
 * what is to be answered is set before the server starts.
 */
public final class FakePolicy implements Policy {
    private static final CompletableFuture<Decision> ACCEPT = CompletableFuture.completedFuture(Decision.ACCEPT);

    public final List<Client> clients = new CopyOnWriteArrayList<>();
    public final List<List<HeaderField>> headers = new CopyOnWriteArrayList<>();
    public CompletableFuture<Decision> onConnect = ACCEPT;
    public CompletableFuture<Decision> onMail = ACCEPT;
    public Function<Recipient, CompletableFuture<Decision>> onRecipient = _ -> ACCEPT;
    public CompletableFuture<Decision> onMessage = ACCEPT;
    public @Nullable Recipient postmaster;
    public Function<Recipient, String> mailbox = recipient -> recipient.mailbox(true);
    public List<String> wanted = List.of();
    public List<String> removed = List.of();

    @Override
    public CompletableFuture<Decision> connect(Client client) {
        return onConnect;
    }

    @Override
    public CompletableFuture<Decision> mail(Client client, String sender, String senderDomain, long declaredSize) {
        clients.add(client);
        return onMail;
    }

    @Override
    public CompletableFuture<Decision> recipient(Client client, String sender, String senderDomain,
            Recipient recipient) {
        boolean known = client.relayNetwork() || client.identity() != null;
        if (!known && (postmaster == null || !postmaster.address().equals(recipient.address()))) {
            return Decision.refused(Policy.relayDenied(recipient));
        }
        return onRecipient.apply(recipient);
    }

    @Override
    public CompletableFuture<Decision> message(Client client, Decision.Accept mail, String sender,
            List<Recipient> recipients, List<HeaderField> header, long size) {
        headers.add(new ArrayList<>(header));
        return onMessage;
    }

    @Override
    public @Nullable Recipient postmaster() {
        return postmaster;
    }

    @Override
    public String mailbox(Recipient recipient) {
        return mailbox.apply(recipient);
    }

    @Override
    public boolean judgesMessages() {
        return !wanted.isEmpty() || !removed.isEmpty();
    }

    @Override
    public List<String> wantedHeaders() {
        return wanted;
    }

    @Override
    public List<String> removedHeaders() {
        return removed;
    }

    /** What a policy says that minds. */
    public static CompletableFuture<Decision> refusal(int code, String status, String text) {
        return CompletableFuture.completedFuture(new Decision.Refuse(Reply.of(code, status, text)));
    }
}
