package dev.penstock.policy;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

import org.jspecify.annotations.Nullable;

import dev.penstock.auth.Identity;
import dev.penstock.config.PolicyConfig;
import dev.penstock.config.PolicyConfig.Event;
import dev.penstock.config.TenantRules;
import dev.penstock.egress.Pools;
import dev.penstock.message.Recipient;
import dev.penstock.smtp.Reply;
import dev.penstock.units.MailClass;

/**
 * The policy as it is configured. Thread-safe. A question is answered by the rules that stood when it was asked, even
 * when others are put in force meanwhile.
 */
public final class PolicyEngine implements Policy, AutoCloseable {
    /** One configuration, ready to be asked. Immutable. */
    private record Rules(RelayRules relay, Ownership ownership, boolean checkFromHeader, Tenancy tenancy,
            @Nullable CalloutPolicy callout, Advisers advisers, List<String> wantedHeaders, List<String> removedHeaders,
            @Nullable Recipient postmaster, TenantRules tenants) {
        /** What is nobody's to refuse: mail for the postmaster (RFC 5321 4.5.1). */
        boolean permit(Client client, String senderDomain, Recipient recipient, boolean isLocal) {
            return postmaster != null && recipient.domain().equals(postmaster.domain())
                    && recipient.address().equals(postmaster.address())
                    || relay.permit(client, senderDomain, recipient.domain(), isLocal);
        }
    }

    private final RecipientDirectory directory;
    private final PolicyCounters counters = new PolicyCounters();
    private final Plugins plugins;
    private final Supplier<Pools> pools;
    private volatile TenantRules tenants = TenantRules.NONE;
    private volatile Rules rules;

    /** Where there are no pools of sources that could be named. See {@link #PolicyEngine(PolicyConfig, RecipientDirectory, Supplier)}. */
    public PolicyEngine(PolicyConfig config, RecipientDirectory directory) {
        this(config, directory, () -> Pools.NONE);
    }

    /**
     * Blocks while it loads plug-ins.
     *
     * @param pools that mail can be sent by now
     * @throws PluginException when one can't be
     */
    public PolicyEngine(PolicyConfig config, RecipientDirectory directory, Supplier<Pools> pools) {
        this(config, directory, Plugins.load(config.plugins()), pools);
    }

    PolicyEngine(PolicyConfig config, RecipientDirectory directory, Plugins plugins) {
        this(config, directory, plugins, () -> Pools.NONE);
    }

    private PolicyEngine(PolicyConfig config, RecipientDirectory directory, Plugins plugins, Supplier<Pools> pools) {
        this.pools = pools;
        this.directory = directory;
        this.plugins = plugins;
        this.rules = compile(config, config.callout().map(CalloutPolicy::new).orElse(null));
    }

    /** Puts other rules in force. The plug-ins stay those that were loaded. */
    public synchronized void reconfigure(PolicyConfig config, TenantRules ofTenants) {
        tenants = ofTenants;
        reconfigure(config);
    }

    /** As {@link #reconfigure(PolicyConfig, TenantRules)}, with the tenants as they are. */
    public synchronized void reconfigure(PolicyConfig config) {
        CalloutPolicy before = rules.callout();
        boolean same = before != null && config.callout().isPresent() && before.config().equals(config.callout().get());
        rules = compile(config, same ? before : config.callout().map(CalloutPolicy::new).orElse(null));
        if (before != null && !same) {
            before.retire();
        }
    }

    private Rules compile(PolicyConfig config, @Nullable CalloutPolicy callout) {
        Tenancy tenancy = new Tenancy(config);
        List<Adviser> advisers = new ArrayList<>();
        Set<String> wanted = new LinkedHashSet<>(tenancy.headers());
        if (config.checkFromHeader()) {
            wanted.add("from");
        }
        for (Plugin plugin : plugins.all()) {
            advisers.add(plugin.adviser(config.deadline(), config.maxInFlight(), config.onFailure()));
            wanted.addAll(plugin.wantedHeaders());
        }
        if (callout != null) {
            advisers.add(callout);
            if (callout.wants(Event.MESSAGE)) {
                wanted.addAll(callout.config().headers());
            }
        }
        return new Rules(new RelayRules(config.relay()), new Ownership(config.allowNullSender()),
                config.checkFromHeader(), tenancy, callout, new Advisers(advisers, counters), List.copyOf(wanted),
                config.removeHeaders() ? tenancy.headers() : List.of(), config.postmaster()
                        .map(mailbox -> new Recipient(mailbox.address(), mailbox.domain())).orElse(null),
                tenants);
    }

    @Override
    public CompletableFuture<Decision> connect(Client client) {
        Advisers advisers = rules.advisers();
        return advisers.wants(Event.CONNECT)
                ? advisers.ask(new Question.Connect(client)).thenApply(PolicyEngine::withoutChanges)
                : Decision.ACCEPTED;
    }

    @Override
    public CompletableFuture<Decision> mail(Client client, String sender, String senderDomain, long declaredSize) {
        Rules now = rules;
        Reply refusal = now.ownership().refusal(client, sender, senderDomain);
        if (refusal != null) {
            counters.sendersRefused.increment();
            return Decision.refused(refusal);
        }
        return now.advisers().wants(Event.MAIL)
                ? now.advisers().ask(new Question.Mail(client, sender, senderDomain, declaredSize))
                        .thenApply(PolicyEngine::namesOnly)
                : Decision.ACCEPTED;
    }

    @Override
    public CompletableFuture<Decision> recipient(Client client, String sender, String senderDomain,
            Recipient recipient) {
        Rules now = rules;
        boolean isLocal = directory.isLocal(recipient.domain());
        if (!now.permit(client, senderDomain, recipient, isLocal)) {
            counters.relayDenied.increment();
            return Decision.refused(Policy.relayDenied(recipient));
        }
        CompletableFuture<Decision> known = isLocal ? directory.verify(client, recipient) : Decision.ACCEPTED;
        if (!now.advisers().wants(Event.RECIPIENT)) {
            return known;
        }
        return known.thenCompose(decision -> switch (decision) {
            case Decision.Refuse _ -> CompletableFuture.completedFuture(decision);
            case Decision.Accept _ ->
                now.advisers().ask(new Question.Rcpt(client, sender, senderDomain, recipient))
                        .thenApply(PolicyEngine::namesOnly);
        });
    }

    @Override
    public @Nullable Recipient postmaster() {
        return rules.postmaster();
    }

    @Override
    public String mailbox(Recipient recipient) {
        return recipient.mailbox(directory.isCaseSensitive(recipient.domain()));
    }

    private static Decision withoutChanges(Decision decision) {
        return switch (decision) {
            case Decision.Refuse _ -> decision;
            case Decision.Accept _ -> Decision.ACCEPT;
        };
    }

    private static Decision namesOnly(Decision decision) {
        return switch (decision) {
            case Decision.Refuse _ -> decision;
            case Decision.Accept accept -> accept.addHeaders().isEmpty() && accept.removeHeaders().isEmpty()
                    ? decision
                    : Decision.ACCEPT.named(accept);
        };
    }

    @Override
    public CompletableFuture<Decision> message(Client client, Decision.Accept mail, String sender,
            List<Recipient> recipients, List<HeaderField> header, long size) {
        Rules now = rules;
        Identity identity = client.identity();
        if (now.checkFromHeader() && identity != null && Ownership.isRestricted(identity)) {
            Reply refusal = now.ownership().refusal(identity, FromHeader.of(header));
            if (refusal != null) {
                counters.sendersRefused.increment();
                return Decision.refused(refusal);
            }
        }
        String tenant;
        String campaign;
        String pool;
        MailClass named;
        try {
            tenant = now.tenancy().tenant(client, mail, header);
            campaign = now.tenancy().campaign(client, mail, header);
            pool = now.tenancy().pool(client, mail, header);
            named = now.tenancy().mailClass(client, mail, header);
        } catch (Tenancy.IllegalNameException e) {
            counters.headersRefused.increment();
            return Decision.refused(Reply.of(550, "5.6.0", "Error: " + e.getMessage()));
        }
        if (!now.advisers().wants(Event.MESSAGE)) {
            MailClass mailClass = mailClass(now, client, named, tenant, campaign);
            return tenant == null && campaign == null && pool == null && mailClass == null
                    ? Decision.ACCEPTED
                    : CompletableFuture.completedFuture(
                            withPool(client,
                                    new Decision.Accept(tenant, campaign, List.of(), List.of(), pool).of(mailClass),
                                    mail.pool() == null));
        }
        return now.advisers()
                .ask(new Question.Message(client, sender, or(tenant, client.tenant()), or(campaign, client.campaign()),
                        recipients, header, size))
                .thenApply(decision -> switch (decision) {
                    case Decision.Refuse _ -> decision;
                    case Decision.Accept other -> {
                        String itsTenant = other.tenant() == null ? tenant : other.tenant();
                        String itsCampaign = other.campaign() == null ? campaign : other.campaign();
                        yield withPool(client,
                                new Decision.Accept(itsTenant, itsCampaign, other.addHeaders(),
                                        lowerCase(other.removeHeaders()), other.pool() == null ? pool : other.pool())
                                        .of(mailClass(now, client,
                                                other.mailClass() == null ? named : other.mailClass(),
                                                itsTenant, itsCampaign)),
                                other.pool() == null && mail.pool() == null);
                    }
                });
    }

    /** @return null for bulk, which costs nothing to say */
    private static @Nullable MailClass mailClass(Rules now, Client client, @Nullable MailClass named,
            @Nullable String tenant, @Nullable String campaign) {
        MailClass itsClass = named != null
                ? named
                : now.tenants().mailClass(or(tenant, client.tenant()), or(campaign, client.campaign()));
        itsClass = itsClass != null ? itsClass : client.mailClass();
        return itsClass == MailClass.BULK ? null : itsClass;
    }

    @Override
    public @Nullable String tenantAtMail(Client client, Decision.Accept mail) {
        Rules now = rules;
        return now.advisers().wants(Event.MESSAGE) ? null : now.tenancy().tenantAtMail(client, mail);
    }

    /**
     * No mail waits for a pool that never was, and no tenant sends by another's because it says so.
     *
     * @param asked whether the client named the pool, and no policy did
     */
    private Decision withPool(Client client, Decision.Accept accept, boolean asked) {
        String pool = accept.pool();
        if (pool == null) {
            return accept;
        }
        Pools now = pools.get();
        if (!now.has(pool)) {
            return new Decision.Refuse(Reply.of(550, "5.7.1", "Error: there is no pool \"" + pool + "\" to send by"));
        }
        String tenant = or(accept.tenant(), client.tenant());
        boolean namesAnyTenant = client.relayNetwork() && client.identity() == null;
        return !asked || namesAnyTenant || now.isFor(pool, tenant)
                ? accept
                : new Decision.Refuse(Reply.of(550, "5.7.1", "Error: pool \"" + pool + "\" isn't for mail "
                        + (tenant.isEmpty() ? "without a tenant" : "of tenant \"" + tenant + "\"")));
    }

    private static String or(@Nullable String name, String otherwise) {
        return name == null ? otherwise : name;
    }

    private static List<String> lowerCase(List<String> names) {
        List<String> lower = new ArrayList<>(names.size());
        for (String name : names) {
            lower.add(name.toLowerCase(Locale.ROOT));
        }
        return lower;
    }

    @Override
    public boolean judgesMessages() {
        Rules now = rules;
        return !now.wantedHeaders().isEmpty() || !now.removedHeaders().isEmpty() || now.advisers().wants(Event.MESSAGE);
    }

    @Override
    public List<String> wantedHeaders() {
        return rules.wantedHeaders();
    }

    @Override
    public List<String> removedHeaders() {
        return rules.removedHeaders();
    }

    public PolicyStats stats() {
        CalloutPolicy callout = rules.callout();
        return counters.snapshot(plugins.inFlight() + (callout == null ? 0 : callout.inFlight()));
    }

    /** Breaks off what is unanswered; blocks as long as the plug-ins take to close. */
    @Override
    public synchronized void close() {
        CalloutPolicy callout = rules.callout();
        if (callout != null) {
            callout.close();
        }
        plugins.close();
    }
}
