package dev.penstock.injection;

import java.util.List;
import java.util.concurrent.CompletableFuture;

import dev.penstock.message.Recipient;
import dev.penstock.policy.Client;
import dev.penstock.policy.Decision;
import dev.penstock.policy.Policy;

/** Whoever may inject at all may send what he likes. Stateless. */
public class InjectionPolicy implements Policy {
    @Override
    public CompletableFuture<Decision> connect(Client client) {
        return Decision.ACCEPTED;
    }

    @Override
    public CompletableFuture<Decision> mail(Client client, String sender, String senderDomain, long declaredSize) {
        return Decision.ACCEPTED;
    }

    @Override
    public CompletableFuture<Decision> recipient(Client client, String sender, String senderDomain,
            Recipient recipient) {
        return Decision.ACCEPTED;
    }

    @Override
    public CompletableFuture<Decision> message(Client client, Decision.Accept mail, String sender,
            List<Recipient> recipients, List<HeaderField> header, long size) {
        return Decision.ACCEPTED;
    }

    @Override
    public String tenantAtMail(Client client, Decision.Accept mail) {
        return client.tenant();
    }

    @Override
    public boolean judgesMessages() {
        return false;
    }

    @Override
    public List<String> wantedHeaders() {
        return List.of();
    }

    @Override
    public List<String> removedHeaders() {
        return List.of();
    }
}
