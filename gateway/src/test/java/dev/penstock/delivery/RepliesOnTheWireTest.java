package dev.penstock.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import dev.penstock.config.QueueConfig;
import dev.penstock.message.BodyType;
import dev.penstock.message.Envelope;
import dev.penstock.message.MemoryContent;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.Options;
import dev.penstock.message.Origin;
import dev.penstock.message.Recipient;
import dev.penstock.queue.ItemView;
import dev.penstock.queue.QueueItem;
import dev.penstock.testing.FakeMx;
import dev.penstock.testing.Patience;

/**
 * Real replies from a host: what becomes of the message that was answered for, and of the mail behind it, of its campaign, of
 * its tenant's other campaign, of another tenant.
 */
@Timeout(180)
final class RepliesOnTheWireTest {
    private static final String GOES = "goes";
    private static final String WAITS = "waits";

    /** Columns: where, what the host says, what becomes of the message, then of the three others. */
    private static final String CASES = """
            RCPT | 550 5.1.1 The email account that you tried to reach does not exist. | Bounce | goes | goes | goes
            RCPT | 450 4.1.1 <x@dest.example>: Recipient address rejected: User unknown | Bounce | goes | goes | goes
            RCPT | 450 4.2.1 The user you are trying to contact is receiving mail too quickly. | TransientFailure | goes | goes | goes
            RCPT | 550 Mailbox unavailable or access denied [MBHvzHyA0Ze] | TransientFailure | goes | goes | goes
            RCPT | 552 5.2.2 The recipient's inbox is out of storage space and inactive. | Bounce | goes | goes | goes
            RCPT | 550 DNS error when resolving MX for dest.example | TransientFailure | goes | goes | goes
            RCPT | 550 Domain frequency limited | TransientFailure | waits | waits | goes
            RCPT | 550 5.7.606 Access denied, banned sending IP [192.0.2.1]. | TransientFailure | waits | waits | waits
            MAIL | 550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3150). | TransientFailure | waits | waits | waits
            MAIL | 451 4.7.650 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation. (S775) | TransientFailure | waits | waits | waits
            MAIL | 553 5.7.1 [BL21] Connections will not be accepted from 192.0.2.1, because the ip is in Spamhaus's list | TransientFailure | waits | waits | waits
            MAIL | 421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints | TransientFailure | waits | waits | waits
            END | 550 5.7.26 Unauthenticated email from example.com is not accepted due to domain's DMARC policy. | TransientFailure | waits | waits | goes
            END | 421 4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your DKIM domain [news.example 36]. | TransientFailure | waits | waits | goes
            END | 550 5.7.515 Access denied, sending domain example.com doesn't meet the required authentication level. | TransientFailure | waits | waits | goes
            END | 554 5.7.1 [CS01] Message rejected due to local policy. | Bounce | waits | goes | goes
            END | 421 4.7.0 This message is suspicious due to the nature of the content and/or the links within. | TransientFailure | waits | goes | goes
            END | 554 HL:ITC | TransientFailure | waits | waits | waits
            END | 552 5.3.4 Message size exceeds fixed limit | Bounce | goes | goes | goes
            GREETING | 554 IP=192.0.2.1 - A problem occurred. (Ask your postmaster for help or to contact tosa@rx.t-online.de to clarify.) (BL) | TransientFailure | waits | waits | waits
            GREETING | 554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org | TransientFailure | waits | waits | waits
            """;

    static Stream<List<String>> cases() {
        return Arrays.stream(CASES.split("\n"))
                .map(row -> Arrays.stream(row.split(" \\| ")).map(String::strip).toList());
    }

    @ParameterizedTest
    @MethodSource("cases")
    void aReplyReachesAsFarAsItSaysAndNoFurther(List<String> row) {
        String told = switch (row.get(0)) {
            case "RCPT" -> "RCPT TO:<first@";
            case "MAIL" -> "MAIL FROM:";
            case "END" -> ".";
            default -> "connect";
        };
        String usual = switch (row.get(0)) {
            case "RCPT", "MAIL", "END" -> "250 2.0.0 ok";
            default -> "220 mx ready";
        };
        try (FakeMx mx = new FakeMx().on(told, row.get(1));
                DeliveryRig rig = new DeliveryRig(DeliveryRig.CONFIG, DeliveryRig.limits(1, 100),
                        QueueConfig.DEFAULT)) {
            if (told.startsWith("MAIL")) {
                mx.on("RCPT", "503 5.5.1 no MAIL before").on("DATA", "503 5.5.1 no MAIL before");
            }
            rig.route(mx);
            send(rig, "first", "tenant", "campaign");
            await().atMost(Patience.LONG).pollInterval(Duration.ofMillis(5))
                    .until(() -> !events(rig, "first").isEmpty());
            MessageEvent first = events(rig, "first").getFirst();
            assertThat(first.type().label()).as(first.toString()).isEqualTo(row.get(2));
            assertThat(first.response().text()).isEqualTo(row.get(1).replaceFirst("^\\d{3} (\\d\\.\\d+\\.\\d+ )?", ""));
            mx.on(told, usual);
            send(rig, "same", "tenant", "campaign");
            send(rig, "sibling", "tenant", "other");
            send(rig, "stranger", "neighbour", "campaign");
            List<String> others = List.of("same", "sibling", "stranger");
            for (int i = 0; i < others.size(); i++) {
                String recipient = others.get(i);
                String expected = row.get(3 + i);
                await(recipient + " " + expected).atMost(Patience.LONG).pollInterval(Duration.ofMillis(5))
                        .until(() -> fate(rig, recipient).equals(expected));
            }
            List<ItemView> waiting = rig.queue.items(DeliveryRig.DOMAIN, 10).stream()
                    .filter(item -> item.state() == QueueItem.State.SUSPENDED).toList();
            assertThat(waiting).hasSize((int) row.subList(3, 6).stream().filter(WAITS::equals).count())
                    .allSatisfy(item -> {
                        assertThat(item.waitingFor()).contains(row.get(1).substring(row.get(1).length() - 6));
                        assertThat(item.nextAttemptMillis()).isGreaterThan(System.currentTimeMillis());
                    });
        }
    }

    private static String fate(DeliveryRig rig, String recipient) {
        if (events(rig, recipient).stream().anyMatch(event -> event.type() == MessageEvent.Type.DELIVERY)) {
            return GOES;
        }
        String tenant = recipient.equals("stranger") ? "neighbour" : "tenant";
        String campaign = recipient.equals("sibling") ? "other" : "campaign";
        return rig.queue.items(DeliveryRig.DOMAIN, 10).stream()
                .anyMatch(item -> item.state() == QueueItem.State.SUSPENDED && item.tenant().equals(tenant)
                        && item.campaign().equals(campaign)) ? WAITS : "";
    }

    private static List<MessageEvent> events(DeliveryRig rig, String recipient) {
        return rig.events.stream().filter(event -> event.recipients().contains(recipient + "@dest.example")).toList();
    }

    private static void send(DeliveryRig rig, String recipient, String tenant, String campaign) {
        Envelope envelope = new Envelope(rig.spool.nextId(), "news@source.example",
                List.of(new Recipient(recipient + "@dest.example", DeliveryRig.DOMAIN)), BodyType.SEVEN_BIT, false,
                tenant,
                campaign, System.currentTimeMillis(), Origin.LOCAL, Options.NONE);
        rig.submit(envelope, MemoryContent.of(DeliveryRig.CONTENT.getBytes(StandardCharsets.US_ASCII)));
    }
}
