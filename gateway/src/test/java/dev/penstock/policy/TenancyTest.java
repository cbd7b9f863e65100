package dev.penstock.policy;

import static java.util.stream.Collectors.toMap;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

import dev.penstock.auth.Identity;
import dev.penstock.config.CampaignConfig;
import dev.penstock.config.PolicyConfig;
import dev.penstock.config.TenantConfig;
import dev.penstock.config.TenantRules;
import dev.penstock.egress.Pool;
import dev.penstock.egress.Pools;
import dev.penstock.policy.Policy.HeaderField;
import dev.penstock.smtp.Reply;
import dev.penstock.units.MailClass;

class TenancyTest {
    private static final Pools POOLS = new Pools(
            Stream.of("a", "b", "shops", "spring", "anybodys").collect(toMap(name -> name, TenancyTest::named)),
            Map.of(new Pools.Campaign("shop", "spring"), "spring", new Pools.Campaign("", "autumn"), "anybodys"),
            Map.of("shop", "shops"), Pools.DEFAULT);

    private static final Identity ACME_USER = new Identity("ann", "acme", List.of());
    private static final Identity PLAIN_USER = new Identity("bob", "", List.of());
    private static final List<HeaderField> NONE = List.of();
    private static final List<HeaderField> FIELDS = List.of(new HeaderField("x-TENANT", "globex"),
            new HeaderField("X-Campaign", "spring"), new HeaderField("X-Tenant", "initech"));

    /** What counts, by who sends and what is there. */
    @Test
    void precedence() {
        PolicyEngine engine = engine("X-Tenant", "X-Campaign", false);
        Decision.Accept atMail = new Decision.Accept("hooli", "launch", List.of(), List.of());
        assertThat(table(engine, Decision.ACCEPT)).isEqualTo("""
                stranger, none: tenant=null campaign=null
                stranger, fields: tenant=null campaign=null
                relay, none: tenant=null campaign=null
                relay, fields: tenant=globex campaign=spring
                plain user, none: tenant=null campaign=null
                plain user, fields: tenant=globex campaign=spring
                user of acme, none: tenant=acme campaign=null
                user of acme, fields: tenant=acme campaign=spring
                """);
        assertThat(table(engine, atMail).lines()).hasSize(8).allMatch(
                line -> line.endsWith("tenant=hooli campaign=launch"));
    }

    @Test
    void fieldsOfAnybodyCountWhenTheyAreToldTo() {
        assertThat(table(engine("X-Tenant", "X-Campaign", true), Decision.ACCEPT))
                .contains("stranger, fields: tenant=globex campaign=spring")
                .contains("user of acme, fields: tenant=acme campaign=spring");
    }

    @Test
    void aFieldCanBeSwitchedOff() {
        PolicyEngine engine = engine("", "X-Job", false);
        assertThat(engine.wantedHeaders()).containsExactly("x-job");
        assertThat(engine.removedHeaders()).containsExactly("x-job");
        assertThat(table(engine, Decision.ACCEPT)).contains("relay, fields: tenant=null campaign=null");
    }

    @Test
    void fieldsAreRemovedFromEveryMessageOrStay() {
        assertThat(engine("X-Tenant", "X-Campaign", false).removedHeaders()).containsExactly("x-tenant", "x-campaign");
        PolicyConfig d = PolicyConfig.DEFAULT;
        assertThat(new PolicyEngine(
                d.with(PolicyConfig.ALLOW_NULL_SENDER, true).with(PolicyConfig.CHECK_FROM_HEADER, false)
                        .with(PolicyConfig.TENANT_HEADER, "X-Tenant").with(PolicyConfig.CAMPAIGN_HEADER, "X-Tenant")
                        .with(PolicyConfig.HEADERS_FROM_ANYBODY, false).with(PolicyConfig.REMOVE_HEADERS, false)
                        .with(PolicyConfig.PLUGINS, Optional.empty()).with(PolicyConfig.CALLOUT, Optional.empty()),
                RecipientDirectory.NONE).removedHeaders()).isEmpty();
    }

    @Test
    void aNameThatCannotBeIsRefused() {
        PolicyEngine engine = engine("X-Tenant", "X-Campaign", false);
        for (String name : List.of("x".repeat(129), "a\tb", "a\u0000", "a\u202Eb", "a\uFFFD", "\uD800")) {
            assertThat(tenant(engine, Clients.RELAY, name)).as(name).isEqualTo(new Decision.Refuse(
                    Reply.of(550, "5.6.0", "Error: X-Tenant: expected at most 128 printable characters")));
            assertThat(tenant(engine, Clients.STRANGER, name)).as(name).isEqualTo(Decision.ACCEPT);
        }
        for (String name : List.of("x".repeat(128), "Acme & Co.", "müller")) {
            assertThat(tenant(engine, Clients.RELAY, name)).as(name)
                    .isEqualTo(new Decision.Accept(name, null, List.of(), List.of()));
        }
        assertThat(tenant(engine, Clients.RELAY, "")).isEqualTo(Decision.ACCEPT);
        assertThat(engine.stats().headersRefused()).isEqualTo(6);
    }

    /** Each row takes away what counted in the one before. */
    @Test
    void theClassIsThePolicysElseTheClientsElseTheFieldsElseTheCampaignsElseTheTenantsElseTheListeners() {
        PolicyEngine engine = new PolicyEngine(PolicyConfig.DEFAULT, RecipientDirectory.NONE);
        TenantRules rules = new TenantRules(
                Map.of("shop", TenantConfig.DEFAULT.with(TenantConfig.MAIL_CLASS, MailClass.TRANSACTIONAL)),
                Map.of(new TenantRules.Campaign("shop", "spring"),
                        CampaignConfig.DEFAULT.with(CampaignConfig.MAIL_CLASS, MailClass.BULK),
                        new TenantRules.Campaign("", "passwords"),
                        CampaignConfig.DEFAULT.with(CampaignConfig.MAIL_CLASS, MailClass.TRANSACTIONAL)));
        engine.reconfigure(PolicyConfig.DEFAULT.with(PolicyConfig.CLASS_HEADER, "X-Class"), rules);
        Client shop = Clients.ofTenant(null, true, "shop", "");
        Client spring = Clients.ofTenant(null, true, "shop", "spring");
        Decision.Accept said = Decision.ACCEPT.of(MailClass.TRANSACTIONAL);
        List<HeaderField> bulk = List.of(new HeaderField("x-class", "Bulk"));
        List<HeaderField> urgent = List.of(new HeaderField("X-Class", "transactional"));
        assertThat(mailClass(engine, spring.wanting(MailClass.BULK), said, bulk)).isEqualTo("transactional");
        assertThat(mailClass(engine, spring.wanting(MailClass.TRANSACTIONAL), Decision.ACCEPT, bulk))
                .isEqualTo("transactional");
        assertThat(mailClass(engine, spring, Decision.ACCEPT, urgent)).isEqualTo("transactional");
        assertThat(mailClass(engine, shop, Decision.ACCEPT, bulk)).isEqualTo("bulk");
        assertThat(mailClass(engine, spring, Decision.ACCEPT, NONE)).isEqualTo("bulk");
        assertThat(mailClass(engine, shop, Decision.ACCEPT, NONE)).isEqualTo("transactional");
        assertThat(mailClass(engine, Clients.ofTenant(null, true, "acme", "passwords"), Decision.ACCEPT, NONE))
                .as("a campaign of whichever tenant").isEqualTo("transactional");
        assertThat(mailClass(engine, Clients.RELAY.at(MailClass.TRANSACTIONAL), Decision.ACCEPT, NONE))
                .isEqualTo("transactional");
        assertThat(mailClass(engine, Clients.RELAY, Decision.ACCEPT, NONE)).isEqualTo("bulk");
        assertThat(mailClass(engine, Clients.STRANGER, Decision.ACCEPT, urgent)).as("not trusted").isEqualTo("bulk");
        assertThat(mailClass(engine, Clients.RELAY, Decision.ACCEPT, List.of(new HeaderField("X-Class", "soon"))))
                .isEqualTo("550 5.6.0 Error: x-class: expected transactional or bulk");
        assertThat(mailClass(engine, Clients.STRANGER, Decision.ACCEPT, List.of(new HeaderField("X-Class", "soon"))))
                .isEqualTo("bulk");
        assertThat(engine.removedHeaders()).containsExactly("x-class");
    }

    private static String mailClass(PolicyEngine engine, Client client, Decision.Accept atMail,
            List<HeaderField> header) {
        return switch (engine.message(client, atMail, "a@b.example", List.of(), header, 1).join()) {
            case Decision.Accept accept -> accept.mailClass() == null ? "bulk" : accept.mailClass().word();
            case Decision.Refuse(Reply reply) -> reply.oneLine();
        };
    }

    @Test
    void whoseAMessageWillBeIsKnownAtMailUnlessTheHeaderSectionMaySay() {
        PolicyEngine plain = engine("", "", false);
        PolicyEngine named = engine("X-Tenant", "", false);
        Client relay = Clients.ofTenant(null, true, "listeners", "");
        Client stranger = Clients.ofTenant(null, false, "listeners", "");
        Client user = Clients.ofTenant(ACME_USER, true, "listeners", "");
        Decision.Accept hooli = new Decision.Accept("hooli", null, List.of(), List.of());
        assertThat(plain.tenantAtMail(relay, Decision.ACCEPT)).isEqualTo("listeners");
        assertThat(named.tenantAtMail(relay, Decision.ACCEPT)).isNull();
        assertThat(named.tenantAtMail(stranger, Decision.ACCEPT)).isEqualTo("listeners");
        assertThat(named.tenantAtMail(user, Decision.ACCEPT)).isEqualTo("acme");
        assertThat(named.tenantAtMail(relay, hooli)).isEqualTo("hooli");
    }

    @Test
    void thePoolIsThePolicysElseTheFieldsOfWhoIsTrusted() {
        PolicyEngine engine = new PolicyEngine(PolicyConfig.DEFAULT.with(PolicyConfig.POOL_HEADER, "X-Pool"),
                RecipientDirectory.NONE, () -> POOLS);
        List<HeaderField> a = List.of(new HeaderField("x-pool", "a"));
        List<HeaderField> gone = List.of(new HeaderField("X-Pool", "gone"));
        Decision.Accept b = new Decision.Accept(null, null, List.of(), List.of(), "b");
        assertThat(pool(engine, Clients.RELAY, Decision.ACCEPT, a)).isEqualTo("a");
        assertThat(pool(engine, Clients.STRANGER, Decision.ACCEPT, a)).isEqualTo("null");
        assertThat(pool(engine, Clients.STRANGER, b, a)).isEqualTo("b");
        assertThat(pool(engine, Clients.RELAY, b, gone)).isEqualTo("b");
        assertThat(pool(engine, Clients.RELAY, Decision.ACCEPT, List.of())).isEqualTo("null");
        assertThat(pool(engine, Clients.RELAY, Decision.ACCEPT, gone))
                .isEqualTo("550 5.7.1 Error: there is no pool \"gone\" to send by");
        assertThat(engine.wantedHeaders()).containsExactly("x-pool");
        assertThat(engine.removedHeaders()).containsExactly("x-pool");
    }

    @Test
    void aPoolThatListsTenantsIsForTheirMailAlone() {
        PolicyEngine engine = new PolicyEngine(PolicyConfig.DEFAULT.with(PolicyConfig.POOL_HEADER, "X-Pool"),
                RecipientDirectory.NONE, () -> POOLS);
        Client shop = Clients.client("192.0.2.2", "submission", new Identity("sue", "shop", List.of()), false);
        Client news = Clients.client("192.0.2.2", "submission", new Identity("ned", "news", List.of()), false);
        String nobodys = "550 5.7.1 Error: pool \"shops\" isn't for mail of tenant \"news\"";
        for (List<HeaderField> field : List.of(List.of(new HeaderField("X-Pool", "shops")), List.<HeaderField>of())) {
            String wanted = field.isEmpty() ? "shops" : "";
            assertThat(pool(engine, shop.wanting(wanted), Decision.ACCEPT, field)).isEqualTo("shops");
            assertThat(pool(engine, news.wanting(wanted), Decision.ACCEPT, field)).isEqualTo(nobodys);
            assertThat(pool(engine, Clients.BOB.wanting(wanted), Decision.ACCEPT, field))
                    .isEqualTo("550 5.7.1 Error: pool \"shops\" isn't for mail without a tenant");
            assertThat(pool(engine, Clients.RELAY.wanting(wanted), Decision.ACCEPT, field))
                    .as("who may name any tenant").isEqualTo("shops");
        }
        Decision.Accept policys = new Decision.Accept(null, null, List.of(), List.of(), "shops");
        assertThat(pool(engine, news, policys, List.of())).as("what a policy says holds").isEqualTo("shops");
        assertThat(pool(engine, shop.wanting("spring"), Decision.ACCEPT, List.of())).as("of a campaign")
                .isEqualTo("spring");
        assertThat(pool(engine, news.wanting("spring"), Decision.ACCEPT, List.of())).startsWith("550 5.7.1");
        assertThat(pool(engine, news.wanting("a"), Decision.ACCEPT, List.of())).as("nobody's").isEqualTo("a");
        assertThat(pool(engine, news.wanting("anybodys"), Decision.ACCEPT, List.of()))
                .as("a campaign of whichever tenant").isEqualTo("anybodys");
        assertThat(pool(engine, news.wanting("gone"), Decision.ACCEPT, List.of()))
                .isEqualTo("550 5.7.1 Error: there is no pool \"gone\" to send by");
    }

    private static Pool named(String name) {
        return new Pool(name, List.of(new Pool.Member(Pools.DEFAULT, 1)), true);
    }

    private static String pool(PolicyEngine engine, Client client, Decision.Accept atMail, List<HeaderField> header) {
        return switch (engine.message(client, atMail, "a@b.example", List.of(), header, 1).join()) {
            case Decision.Accept accept -> String.valueOf(accept.pool());
            case Decision.Refuse(Reply reply) -> reply.oneLine();
        };
    }

    private static Decision tenant(PolicyEngine engine, Client client, String name) {
        return engine.message(client, "", List.of(), List.of(new HeaderField("X-Tenant", name)), 1).join();
    }

    private static PolicyEngine engine(String tenantHeader, String campaignHeader, boolean fromAnybody) {
        PolicyConfig d = PolicyConfig.DEFAULT;
        return new PolicyEngine(d.with(PolicyConfig.ALLOW_NULL_SENDER, true).with(PolicyConfig.CHECK_FROM_HEADER, false)
                .with(PolicyConfig.TENANT_HEADER, tenantHeader).with(PolicyConfig.CAMPAIGN_HEADER, campaignHeader)
                .with(PolicyConfig.HEADERS_FROM_ANYBODY, fromAnybody).with(PolicyConfig.REMOVE_HEADERS, true)
                .with(PolicyConfig.PLUGINS, Optional.empty()).with(PolicyConfig.CALLOUT, Optional.empty()),
                RecipientDirectory.NONE);
    }

    private static String table(PolicyEngine engine, Decision.Accept atMail) {
        return row(engine, atMail, "stranger", null, false) + row(engine, atMail, "relay", null, true)
                + row(engine, atMail, "plain user", PLAIN_USER, false)
                + row(engine, atMail, "user of acme", ACME_USER, true);
    }

    private static String row(PolicyEngine engine, Decision.Accept atMail, String who, @Nullable Identity identity,
            boolean relayNetwork) {
        Client client = Clients.ofTenant(identity, relayNetwork, "listener-tenant", "listener-campaign");
        return cell(engine, atMail, client, who + ", none", NONE) + cell(engine, atMail, client, who + ", fields",
                FIELDS);
    }

    private static String cell(PolicyEngine engine, Decision.Accept atMail, Client client, String name,
            List<HeaderField> header) {
        return switch (engine.message(client, atMail, "a@b.example", List.of(), header, 1).join()) {
            case Decision.Accept(var tenant, var campaign, _, _, _, _, _) ->
                name + ": tenant=" + tenant + " campaign=" + campaign + "\n";
            case Decision.Refuse(Reply reply) -> name + ": " + reply.oneLine() + "\n";
        };
    }
}
