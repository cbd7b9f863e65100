package dev.penstock.events;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

import dev.penstock.message.MessageEvent;
import dev.penstock.message.MessageEvent.Client;
import dev.penstock.message.MessageEvent.Meaning;
import dev.penstock.message.MessageEvent.Peer;
import dev.penstock.message.MessageEvent.Response;
import dev.penstock.message.MessageEvent.Tls;
import dev.penstock.message.MessageId;
import dev.penstock.units.MailClass;

/** Events of all kinds, with whatever may stand in them. Confined to one thread. */
public final class RandomEvents {
    private static final String[] TEXTS = {"", "a", "Größe", "\"quoted\"", "back\\slash", "tab\there", "🙂 ok",
        "line\r\nbreak", "\u202etxt", "a@b", "\u0001", "x".repeat(300)};

    private final SplittableRandom random;

    public RandomEvents(SplittableRandom random) {
        this.random = random;
    }

    /** One at about that time. */
    public MessageEvent next(long millis) {
        MessageEvent.Type type = List.of(MessageEvent.Type.values())
                .get(random.nextInt(MessageEvent.Type.values().length));
        boolean attempted = random.nextBoolean();
        MessageId id = random.nextInt(10) == 0
                ? MessageEvent.NO_ID
                : new MessageId(millis - random.nextInt(1_000) << MessageId.MILLIS_SHIFT | random.nextInt(1 << 20));
        List<String> recipients = new ArrayList<>();
        for (int i = random.nextInt(10) == 0 ? 0 : 1 + random.nextInt(20) / 17; i > 0; i--) {
            recipients.add(address());
        }
        String provider = text();
        Meaning meaning = random.nextBoolean() ? Meaning.NONE : new Meaning("SpamBlock", text(), text(), text());
        return new MessageEvent(type, id, random.nextInt(10) == 0 ? "" : address(), recipients,
                recipients.isEmpty() ? "" : recipients.getFirst().substring(recipients.getFirst().lastIndexOf('@') + 1),
                text(), text(), attempted ? "source->site" + random.nextInt(9) : "", random.nextInt(1 << 20),
                new Response(200 + random.nextInt(400), random.nextBoolean() ? "5.7.1" : "", text(), text()),
                attempted ? new Peer(text(), "192.0.2." + random.nextInt(256)) : null, attempted ? "10.0.0.1" : "",
                millis, millis - random.nextInt(100_000), random.nextInt(5), text(), text(),
                random.nextBoolean()
                        ? null
                        : random.nextBoolean()
                                ? new Tls("TLSv1.3", "TLS_AES_256_GCM_SHA384")
                                : new Tls("TLSv1.3", "TLS_AES_256_GCM_SHA384", "dane", "verified",
                                        random.nextBoolean()),
                new Client(text(), text(), text(), text()), provider, attempted ? "pool" : "", meaning,
                random.nextBoolean() ? MailClass.BULK : MailClass.TRANSACTIONAL);
    }

    private String address() {
        return (random.nextInt(20) == 0 ? "Größe\"" : "Local" + random.nextInt(50)) + "@d" + random.nextInt(20)
                + ".Example";
    }

    private String text() {
        return TEXTS[random.nextInt(TEXTS.length)];
    }
}
