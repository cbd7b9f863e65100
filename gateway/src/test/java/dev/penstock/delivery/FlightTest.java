package dev.penstock.delivery;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;

import dev.penstock.delivery.Flight.Question;
import dev.penstock.delivery.Flight.Step;

/**
 * {@link Flight} against a host that takes commands in their order, refuses as it likes, and is lost at any moment with
 * what it has read and said partly under way: by random schedules, the seed in the failure.
 */
final class FlightTest {
    private static final int SCHEDULES = 5_000;
    private static final int MOST = 4;
    private static final long MOST_OCTETS = 1_000;
    private static final int MOST_ANSWERS = 40;

    @Test
    void whatAHostMayHaveTakenIsInDoubtAndNothingElseIs() {
        for (long seed = 0; seed < SCHEDULES; seed++) {
            new Schedule(seed).run();
        }
    }

    @Test
    void oneAloneGoesHoweverLargeItIs() {
        Flight<String> flight = new Flight<>(MOST, MOST_OCTETS, MOST_ANSWERS);
        assertThat(flight.hasRoom(10_000, 10 * MOST_OCTETS)).isTrue();
        flight.launch("large", false, 10_000, 10 * MOST_OCTETS);
        assertThat(flight.hasRoom(1, 1)).isFalse();
        flight.abort();
        assertThat(flight.hasRoom(1, MOST_OCTETS)).isTrue();
    }

    @Test
    void aMessageThatWasSentWholeAndIsUnansweredIsInDoubtUntilAllItsRecipientsAreRefused() {
        Flight<String> flight = new Flight<>(MOST, MOST_OCTETS, MOST_ANSWERS);
        flight.launch("one", false, 2, 10);
        assertThat(flight.isOldestInDoubt()).isFalse();
        flight.sent();
        assertThat(flight.isOldestInDoubt()).isTrue();
        assertThat(flight.answer(250)).isEqualTo(Step.ON);
        assertThat(flight.answer(550)).isEqualTo(Step.ON);
        assertThat(flight.isOldestInDoubt()).isTrue();
        assertThat(flight.answer(550)).isEqualTo(Step.ON);
        assertThat(flight.isOldestInDoubt()).isFalse();
        assertThat(flight.answer(250)).isEqualTo(Step.OUT_OF_STEP);
    }

    /** What the host does with one message, in the order in which it reads its commands. */
    private static final class Message {
        final int number;
        final boolean reset;
        final int recipients;
        final long octets;
        /** By question: RSET if there is one, MAIL, RCPT…, LAST. */
        final List<Integer> codes = new ArrayList<>();
        final boolean taken;

        Message(int number, boolean reset, SplittableRandom random) {
            this.number = number;
            this.reset = reset;
            this.recipients = random.nextInt(1, 4);
            this.octets = random.nextLong(1, MOST_OCTETS / 2);
            boolean opened = random.nextInt(6) > 0;
            int accepted = 0;
            if (reset) {
                codes.add(250);
            }
            codes.add(opened ? 250 : 451);
            for (int i = 0; i < recipients; i++) {
                boolean accepts = opened && random.nextInt(3) > 0;
                accepted += accepts ? 1 : 0;
                codes.add(accepts ? 250 : opened ? 550 : 503);
            }
            taken = accepted > 0 && random.nextInt(5) > 0;
            codes.add(taken ? 250 : accepted > 0 ? 452 : 554);
        }
    }

    private static final class Schedule {
        private final long seed;
        private final SplittableRandom random;
        private final Flight<Message> flight = new Flight<>(MOST, MOST_OCTETS, MOST_ANSWERS);
        /** Sent, in part perhaps, and not read by the host. */
        private final Deque<Message> toHost = new ArrayDeque<>();
        /** Said by the host and not read by us: codes. */
        private final Deque<Integer> toUs = new ArrayDeque<>();
        private final Deque<Message> aloft = new ArrayDeque<>();
        private final Set<Message> taken = new HashSet<>();
        private int answered; // codes of the oldest aloft
        private int number;
        private boolean closed; // the host has said 421 and reads no more

        Schedule(long seed) {
            this.seed = seed;
            this.random = new SplittableRandom(seed);
        }

        void run() {
            for (int steps = random.nextInt(1, 60); steps > 0; steps--) {
                switch (random.nextInt(4)) {
                    case 0, 1 -> launch();
                    case 2 -> hostReads();
                    default -> {
                        if (!weRead()) {
                            return;
                        }
                    }
                }
                invariant();
            }
            lose(false);
        }

        private void launch() {
            Message message = new Message(number++, !aloft.isEmpty(), random);
            if (!flight.hasRoom(message.recipients, message.octets)) {
                return;
            }
            flight.launch(message, message.reset, message.recipients, message.octets);
            if (random.nextInt(12) == 0) { // the write fails: the host may read its envelope, never all of it
                flight.abort();
                return;
            }
            flight.sent();
            aloft.add(message);
            if (!closed) {
                toHost.add(message);
            }
        }

        /** One message, which it answers for wholly, or ends the session in the middle of. */
        private void hostReads() {
            Message message = toHost.poll();
            if (message == null) {
                return;
            }
            int until = random.nextInt(8) == 0 ? random.nextInt(message.codes.size()) : message.codes.size();
            toUs.addAll(message.codes.subList(0, until));
            if (until < message.codes.size()) {
                closed = true;
                toHost.clear();
                toUs.add(421);
            } else if (message.taken) {
                taken.add(message);
            }
        }

        /** @return false when the session is over */
        private boolean weRead() {
            Integer code = toUs.poll();
            if (code == null) {
                return true;
            }
            if (code == 421) {
                lose(true);
                return false;
            }
            Message oldest = aloft.getFirst();
            assertThat(flight.oldest()).as(as()).isSameAs(oldest);
            assertThat(flight.expected()).as(as()).isEqualTo(question(oldest));
            assertThat(code).as(as()).isEqualTo(oldest.codes.get(answered));
            answered++;
            boolean last = answered == oldest.codes.size();
            assertThat(flight.answer(code)).as(as()).isEqualTo(last ? Step.LANDED : Step.ON);
            if (last) {
                aloft.removeFirst();
                answered = 0;
            }
            return true;
        }

        private Question question(Message message) {
            int at = answered - (message.reset ? 1 : 0);
            return at < 0
                    ? Question.RSET
                    : at == 0 ? Question.MAIL : at <= message.recipients ? Question.RCPT : Question.LAST;
        }

        private void invariant() {
            assertThat(flight.size()).as(as()).isEqualTo(aloft.size()).isLessThanOrEqualTo(MOST);
            assertThat(aloft.stream().mapToLong(message -> message.octets).sum()).as(as())
                    .isLessThanOrEqualTo(MOST_OCTETS);
        }

        /** @param told by 421, whose answers are all read */
        private void lose(boolean told) {
            if (flight.isEmpty()) {
                assertThat(aloft).as(as()).isEmpty();
                return;
            }
            Message oldest = aloft.removeFirst();
            if (taken.contains(oldest)) {
                assertThat(flight.isOldestInDoubt()).as("%s: the host has it", as()).isTrue();
            }
            List<Flight.Fate<Message>> fates = flight.lost(told);
            assertThat(fates).as(as()).extracting(Flight.Fate::message).containsExactlyElementsOf(aloft);
            for (Flight.Fate<Message> fate : fates) {
                if (taken.contains(fate.message())) {
                    assertThat(fate.inDoubt()).as("%s: the host has %d", as(), fate.message().number).isTrue();
                }
                assertThat(fate.inDoubt()).as("%s: a host that is closing takes none", as()).isEqualTo(!told);
            }
            assertThat(flight.isEmpty()).as(as()).isTrue();
            assertThat(flight.hasRoom(MOST_ANSWERS, MOST_OCTETS)).as(as()).isTrue();
        }

        private String as() {
            return "seed " + seed;
        }
    }
}
