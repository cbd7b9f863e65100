package dev.penstock.endtoend;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.json.JsonFactory;

/**
 * A line of the delivery log, as far as tests ask for it. Immutable.
 *
 * @param type       {@code Reception}, {@code Delivery}, …
 * @param id         of the message
 * @param recipients at least one
 * @param code       of the reply; 0 where there is none
 * @param content    of the reply
 */
record LoggedEvent(String type, String id, List<String> recipients, int code, String content) {
    private static final JsonFactory JSON = new JsonFactory();

    /** All of a log's whole lines so far, file by file. */
    static List<LoggedEvent> read(Path directory) throws IOException {
        List<LoggedEvent> events = new ArrayList<>();
        try (Stream<Path> files = Files.list(directory)) {
            for (Path file : files.filter(each -> each.toString().endsWith(".jsonl")).sorted().toList()) {
                String text = Files.readString(file);
                text.substring(0, text.lastIndexOf('\n') + 1).lines().map(LoggedEvent::parse).forEach(events::add);
            }
        }
        return events;
    }

    /** The domain of the recipients, which in one event have one. */
    String domain() {
        String recipient = recipients.getFirst();
        return recipient.substring(recipient.indexOf('@') + 1);
    }

    /** Whether it is the last of its recipients. */
    boolean isEnd() {
        return type.equals("Delivery") || type.equals("Bounce") || type.equals("Expiration");
    }

    private static LoggedEvent parse(String line) {
        String type = "";
        String id = "";
        List<String> recipients = new ArrayList<>();
        int code = 0;
        String content = "";
        try (JsonParser json = JSON.createParser(ObjectReadContext.empty(), line)) {
            json.nextToken();
            while (json.nextToken() == JsonToken.PROPERTY_NAME) {
                String name = json.currentName();
                JsonToken value = json.nextToken();
                switch (name) {
                    case "type" -> type = json.getString();
                    case "id" -> id = json.getString();
                    case "recipient" -> {
                        if (value == JsonToken.START_ARRAY) {
                            while (json.nextToken() != JsonToken.END_ARRAY) {
                                recipients.add(json.getString());
                            }
                        } else {
                            recipients.add(json.getString());
                        }
                    }
                    case "response" -> {
                        while (value == JsonToken.START_OBJECT && json.nextToken() == JsonToken.PROPERTY_NAME) {
                            String inner = json.currentName();
                            json.nextToken();
                            switch (inner) {
                                case "code" -> code = json.getIntValue();
                                case "content" -> content = json.getString();
                                default -> json.skipChildren();
                            }
                        }
                    }
                    default -> json.skipChildren();
                }
            }
        }
        return new LoggedEvent(type, id, List.copyOf(recipients), code, content);
    }
}
