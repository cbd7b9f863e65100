package dev.penstock.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.RecordComponent;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tomlj.Toml;

import dev.penstock.config.PolicyConfig.Callout;
import dev.penstock.config.PolicyConfig.Event;
import dev.penstock.config.PolicyConfig.OnFailure;
import dev.penstock.config.PolicyConfig.RelayRule;
import dev.penstock.smtp.Mailbox;

class PolicyReaderTest {
    @TempDir
    Path directory;

    @Test
    void everyKeyIsMapped() throws IOException {
        assertThat(policy("""
                [policy]
                allow-null-sender = false
                check-from-header = true
                tenant-header = "X-Customer"
                campaign-header = ""
                pool-header = "X-Pool"
                class-header = "X-Class"
                headers-from-anybody = true
                remove-headers = false
                plugins = '%s'
                deadline = "100ms"
                on-failure = "accept"
                max-in-flight = 7
                postmaster = "Ops@Example.com"
                [[policy.relay]]
                action = "permit"
                listeners = ["smtp"]
                networks = ["192.0.2.0/24"]
                identities = ["bo\u00ADb", "*"]
                sender-domains = ["<>", "Example.com", ".bücher.example"]
                recipient-domains = ["local", ".Example.net"]
                [[policy.relay]]
                action = "refuse"
                [policy.callout]
                url = "https://policy.example/decide?v=1"
                deadline = "1s"
                max-in-flight = 8
                authorization = "Bearer abc"
                events = ["connect", "recipient"]
                headers = ["List-ID"]
                on-failure = "accept"
                """.formatted(directory))).isEqualTo(PolicyConfig.DEFAULT
                .with(PolicyConfig.RELAY,
                        List.of(new RelayRule(true, List.of("smtp"), List.of("192.0.2.0/24"), List.of("bob", "*"),
                                List.of("<>", "example.com", ".xn--bcher-kva.example"),
                                List.of("local", ".example.net")),
                                new RelayRule(false, List.of(), List.of(), List.of(), List.of(), List.of())))
                .with(PolicyConfig.ALLOW_NULL_SENDER, false).with(PolicyConfig.CHECK_FROM_HEADER, true)
                .with(PolicyConfig.TENANT_HEADER, "X-Customer").with(PolicyConfig.POOL_HEADER, "X-Pool")
                .with(PolicyConfig.CLASS_HEADER, "X-Class")
                .with(PolicyConfig.HEADERS_FROM_ANYBODY, true)
                .with(PolicyConfig.REMOVE_HEADERS, false).with(PolicyConfig.PLUGINS, Optional.of(directory))
                .with(PolicyConfig.DEADLINE, Duration.ofMillis(100)).with(PolicyConfig.ON_FAILURE, OnFailure.ACCEPT)
                .with(PolicyConfig.MAX_IN_FLIGHT, 7).with(PolicyConfig.CALLOUT, Optional.of(new Callout(
                        new CalloutConfig(URI.create("https://policy.example/decide?v=1"), Duration.ofSeconds(1), 8,
                                "Bearer abc"),
                        Set.of(Event.CONNECT, Event.RECIPIENT), List.of("list-id"), OnFailure.ACCEPT)))
                .with(PolicyConfig.POSTMASTER,
                        Optional.of(new Mailbox("Ops@Example.com", "Ops", "example.com", false))));
    }

    @Test
    void theSampleHoldsEveryKeyThatIsNoTableAndNoOther() throws IOException {
        Set<String> keys = new TreeSet<>();
        for (RecordComponent component : PolicyConfig.class.getRecordComponents()) {
            keys.add(component.getName().replaceAll("([A-Z])", "-$1").toLowerCase(Locale.ROOT));
        }
        keys.removeAll(Set.of("relay", "callout"));
        assertThat(Toml.parse(Path.of("..", "config", "penstock.toml")).getTableOrEmpty("policy").keySet())
                .isEqualTo(keys);
    }

    /** The lines of the sample that are comments, taken at their word. */
    @Test
    void theSampleOfWhatIsOffByDefaultIsRight() throws IOException {
        String sample = Files.readString(Path.of("..", "config", "penstock.toml"));
        String off = sample.substring(sample.indexOf("# [[policy.relay]]")).lines()
                .takeWhile(line -> line.isEmpty() || line.startsWith("#"))
                .filter(line -> line.matches("# (\\[+policy.*|[a-z-]+ = .*)")).map(line -> line.substring(2))
                .collect(Collectors.joining("\n"));
        PolicyConfig read = policy(off);
        assertThat(read.relay()).containsExactly(new RelayRule(true, List.of("smtp"), List.of("192.0.2.0/24"),
                List.of("*"), List.of("example.com", "<>"), List.of("local", ".example.net")));
        assertThat(read.callout()).isEqualTo(policy("policy.callout.url = 'http://127.0.0.1:8080/decide'").callout());
    }

    @Test
    void everyErrorIsNamedAtOnceWithItsPlace() throws IOException {
        assertThat(errors("""
                [policy]
                tenant-header = "From"
                campaign-header = "X Campaign"
                deadline = "0s"
                on-failure = "reject"
                postmaster = "Postmaster"
                [[policy.relay]]
                listeners = ["smpt"]
                networks = []
                identities = [""]
                sender-domains = ["local host", "..example.com"]
                recipient-domains = ["<>", "*"]
                recipients = []
                [[policy.relay]]
                action = "allow"
                [policy.callout]
                events = ["data"]
                headers = ["a:b"]
                authorization = "s\\u00e9cret"
                """)).containsExactly(
                ":2:1: policy.tenant-header: \"From\": a field of one's own is needed, like X-Tenant",
                ":3:1: policy.campaign-header: \"X Campaign\": expected the name of a header field, like X-Tenant: "
                        + "1 to 64 printable ASCII characters without space and colon",
                ":4:1: policy.deadline: \"0s\": out of range; allowed: 10ms to 1m",
                ":5:1: policy.on-failure: \"reject\": expected \"defer\" or \"accept\"",
                ":6:1: policy.postmaster: \"Postmaster\": expected an address like postmaster@example.com: "
                        + "the address ends too early",
                ":8:1: policy.relay[0].action: is missing; expected \"permit\" or \"refuse\"",
                ":8:14: policy.relay[0].listeners[0]: \"smpt\": there is no such listener; allowed: smtp",
                ":9:1: policy.relay[0].networks: is empty; leave it out to fit all",
                ":10:15: policy.relay[0].identities[0]: \"\": expected a user's name, or \"*\" for anybody who has "
                        + "logged in",
                ":11:19: policy.relay[0].sender-domains[0]: \"local host\": expected a domain like example.com, "
                        + ".example.com for those below it, or <>",
                ":11:33: policy.relay[0].sender-domains[1]: \"..example.com\": expected a domain like example.com, "
                        + ".example.com for those below it, or <>",
                ":12:22: policy.relay[0].recipient-domains[0]: \"<>\": expected a domain like example.com, "
                        + ".example.com for those below it, or local",
                ":12:28: policy.relay[0].recipient-domains[1]: \"*\": expected a domain like example.com, "
                        + ".example.com for those below it, or local",
                ":13:1: policy.relay[0].recipients: unknown key; allowed here: action, listeners, networks, identities, "
                        + "sender-domains, recipient-domains",
                ":15:1: policy.relay[1].action: \"allow\": expected \"permit\" or \"refuse\"",
                ":16:1: policy.callout: url is missing; expected one like \"http://127.0.0.1:8080/check\"",
                ":17:11: policy.callout.events[0]: \"data\": expected connect, mail, recipient or message",
                ":18:12: policy.callout.headers[0]: \"a:b\": expected the name of a header field, like X-Tenant: "
                        + "1 to 64 printable ASCII characters without space and colon",
                ":19:1: policy.callout.authorization: expected printable ASCII");
    }

    @Test
    void oneFieldCannotBeBoth() throws IOException {
        assertThat(errors("[policy]\ntenant-header = 'X-Tenant'\ncampaign-header = 'x-tenant'"))
                .containsExactly(":3:1: policy.campaign-header: is the same as tenant-header");
        assertThat(policy("policy = {tenant-header = '', campaign-header = ''}").tenantHeader()).isEmpty();
    }

    private PolicyConfig policy(String text) throws IOException {
        return switch (read(text)) {
            case ConfigReader.Valid(GatewayConfig config, _) -> config.policy();
            case ConfigReader.Invalid(List<Problem> problems) -> throw new AssertionError(problems);
        };
    }

    private List<String> errors(String text) throws IOException {
        String file = directory.resolve("penstock.toml").toString();
        return ((ConfigReader.Invalid) read(text)).problems().stream()
                .map(problem -> problem.toString().replace(file, "")).toList();
    }

    private ConfigReader.Result read(String text) throws IOException {
        return Schemas.read(Files.writeString(directory.resolve("penstock.toml"), text));
    }
}
