package dev.penstock.reception;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.PreflightConfig.Mode;
import dev.penstock.message.Judged;
import dev.penstock.message.Recipient;
import dev.penstock.policy.Client;
import dev.penstock.policy.Decision;
import dev.penstock.policy.Policy;
import dev.penstock.preflight.Facts;
import dev.penstock.preflight.PlannedSignatures;
import dev.penstock.preflight.Preflight;
import dev.penstock.preflight.Provider;
import dev.penstock.preflight.SignatureFacts;
import dev.penstock.preflight.Verdict;
import dev.penstock.smtp.Reply;

/**
 * A policy with a preflight behind it: what that takes is judged by what its receivers demand. Thread-safe; never blocks.
 * While no tenant's messages are judged each question goes straight through.
 */
public final class PreflightPolicy implements Policy {
    /** The field that says the verdict. */
    public static final String FIELD = "X-Penstock-Preflight";
    private static final String LOWER_FIELD = FIELD.toLowerCase(Locale.ROOT);
    private static final int REFUSED = 550;

    private final Policy rules;
    private final Preflight preflight;
    private final PlannedSignatures planned;

    /** @param planned what is signed here after this question */
    public PreflightPolicy(Policy rules, Preflight preflight, PlannedSignatures planned) {
        this.rules = rules;
        this.preflight = preflight;
        this.planned = planned;
    }

    @Override
    public CompletableFuture<Decision> connect(Client client) {
        return rules.connect(client);
    }

    @Override
    public CompletableFuture<Decision> mail(Client client, String sender, String senderDomain, long declaredSize) {
        return rules.mail(client, sender, senderDomain, declaredSize);
    }

    @Override
    public CompletableFuture<Decision> recipient(Client client, String sender, String senderDomain,
            Recipient recipient) {
        return rules.recipient(client, sender, senderDomain, recipient);
    }

    @Override
    public @Nullable String tenantAtMail(Client client, Decision.Accept mail) {
        return rules.tenantAtMail(client, mail);
    }

    @Override
    public @Nullable Recipient postmaster() {
        return rules.postmaster();
    }

    @Override
    public String mailbox(Recipient recipient) {
        return rules.mailbox(recipient);
    }

    @Override
    public boolean judgesMessages() {
        return rules.judgesMessages() || !preflight.isOff();
    }

    @Override
    public List<String> wantedHeaders() {
        List<String> theirs = rules.wantedHeaders();
        if (preflight.isOff()) {
            return theirs;
        }
        Set<String> all = new LinkedHashSet<>(theirs);
        all.addAll(MessageFacts.WANTED);
        return List.copyOf(all);
    }

    @Override
    public List<String> removedHeaders() {
        return rules.removedHeaders();
    }

    @Override
    public CompletableFuture<Decision> message(Client client, Decision.Accept mail, String sender,
            List<Recipient> recipients, List<HeaderField> header, long size) {
        if (preflight.isOff()) {
            return rules.message(client, mail, sender, recipients, header, size);
        }
        CompletableFuture<Decision> answer = rules.message(client, mail, sender, recipients,
                header instanceof NotKept ? header : only(rules.wantedHeaders(), header), size);
        return answer.state() == CompletableFuture.State.SUCCESS
                ? judged(answer.resultNow(), answer, client, sender, recipients, header)
                : answer.thenCompose(decision -> judged(decision, CompletableFuture.completedFuture(decision), client,
                        sender, recipients, header));
    }

    /** The others see what they asked for. */
    private static List<HeaderField> only(Collection<String> names, List<HeaderField> header) {
        return names.isEmpty()
                ? List.of()
                : header.stream().filter(field -> names.contains(field.name().toLowerCase(Locale.ROOT))).toList();
    }

    private CompletableFuture<Decision> judged(Decision decision, CompletableFuture<Decision> given, Client client,
            String sender, List<Recipient> recipients, List<HeaderField> header) {
        if (!(decision instanceof Decision.Accept accept)) {
            return given;
        }
        String tenant = accept.tenant() == null ? client.tenant() : accept.tenant();
        Mode mode = preflight.config().mode(tenant);
        if (mode == Mode.OFF) {
            return given;
        }
        Set<Provider> providers = preflight.providers(recipients.stream().map(Recipient::domain).toList());
        if (providers.isEmpty()) {
            return given;
        }
        if (header instanceof NotKept) {
            preflight.countUnjudged();
            return given;
        }
        Facts facts = facts(accept, tenant, sender, header);
        CompletableFuture<Verdict> verdict = preflight.judge(facts, tenant, providers);
        return verdict.state() == CompletableFuture.State.SUCCESS
                ? CompletableFuture.completedFuture(answer(accept, mode, verdict.resultNow()))
                : verdict.thenApply(found -> answer(accept, mode, found));
    }

    /** Of the message as it goes on, edits made, signatures to come included. */
    private Facts facts(Decision.Accept accept, String tenant, String sender, List<HeaderField> header) {
        List<HeaderField> after = header;
        if (!accept.addHeaders().isEmpty() || !accept.removeHeaders().isEmpty()) {
            after = new ArrayList<>(accept.addHeaders());
            for (HeaderField field : header) {
                if (!accept.removeHeaders().contains(field.name().toLowerCase(Locale.ROOT))) {
                    after.add(field);
                }
            }
        }
        Facts facts = MessageFacts.of(after, sender.substring(sender.lastIndexOf('@') + 1), Facts.Lines.FINE);
        List<SignatureFacts> more = planned.of(tenant,
                facts.fromDomains().isEmpty() ? "" : facts.fromDomains().getFirst());
        return more.isEmpty() ? facts : facts.alsoSigned(more);
    }

    private Decision answer(Decision.Accept accept, Mode mode, Verdict verdict) {
        preflight.count(verdict, mode);
        boolean fails = verdict.fails();
        return switch (mode) {
            case OFF -> accept;
            case TAG -> tagged(accept, verdict);
            case HOLD -> fails ? accept.with(new Judged(true, verdict.line())) : accept;
            case REFUSE -> fails
                    ? new Decision.Refuse(Reply.of(REFUSED, "5.7.1", "Error: " + verdict.line()))
                    : accept;
        };
    }

    /** A field that the client wrote itself is left out. */
    private static Decision tagged(Decision.Accept accept, Verdict verdict) {
        List<HeaderField> added = new ArrayList<>(accept.addHeaders());
        added.addFirst(new HeaderField(FIELD, verdict.field()));
        List<String> removed = new ArrayList<>(accept.removeHeaders());
        removed.add(LOWER_FIELD);
        return new Decision.Accept(accept.tenant(), accept.campaign(), added, removed, accept.pool(),
                verdict.fails() ? new Judged(false, verdict.line()) : null, accept.mailClass());
    }
}
