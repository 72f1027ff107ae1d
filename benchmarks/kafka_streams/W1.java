import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.time.Instant;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/**
 * W1 in Kafka Streams, as its Processor API has it: state in RocksDB with caches and changelogs, a commit each second,
 * exactly once.
 *
 * <p>Arguments: bootstrap, topic, partitions, events, folder for the state.
 */
public final class W1 {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final long MINUTE_MS = 60_000;
  private static final double PER_BUCKET = 1 / Math.log(1.02);

  // Of the one stream thread.
  private static final Map<String, Double> TOTALS = new TreeMap<>();
  private static long expected;
  private static long seen;
  private static int tasksLeft;

  private W1() {}

  public static void main(String[] arguments) {
    String source = arguments[1];
    tasksLeft = Integer.parseInt(arguments[2]);
    expected = Long.parseLong(arguments[3]);
    Properties config = new Properties();
    config.put("application.id", "kafka-streams");
    config.put("bootstrap.servers", arguments[0]);
    config.put("processing.guarantee", "exactly_once_v2");
    config.put("commit.interval.ms", 1000);
    config.put("num.stream.threads", 1);
    config.put("replication.factor", 1);
    config.put("auto.offset.reset", "earliest");
    config.put("state.dir", arguments[4]);
    StreamsBuilder builder = new StreamsBuilder();
    builder.addStateStore(store("leads", Serdes.Long()));
    builder.addStateStore(store("tickets", Serdes.Long()));
    builder.addStateStore(store("minutes", Serdes.Long()));
    builder.addStateStore(store("cells", Serdes.Double()));
    builder
        .stream(source, Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
        .process(Counter::new, "leads", "tickets", "minutes", "cells");
    KafkaStreams streams = new KafkaStreams(builder.build(), config);
    streams.setUncaughtExceptionHandler(
        error -> {
          System.out.println(error);
          Runtime.getRuntime().halt(1);
          return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
    streams.start();
  }

  private static <V> StoreBuilder<KeyValueStore<String, V>> store(String name, Serde<V> values) {
    return Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(name), Serdes.String(), values)
        .withCachingEnabled();
  }

  private static void mark(String name, String more) {
    System.out.printf(Locale.ROOT, "{\"mark\": \"%s\", \"at_s\": %.3f%s}%n", name, System.currentTimeMillis() / 1e3, more);
  }

  /** Counts the events of one partition. */
  private static final class Counter implements Processor<byte[], byte[], Void, Void> {
    private KeyValueStore<String, Long> leads;
    private KeyValueStore<String, Long> tickets;
    private KeyValueStore<String, Long> minutes;
    private KeyValueStore<String, Double> cells;
    private boolean summed;

    @Override
    public void init(ProcessorContext<Void, Void> context) {
      leads = context.getStateStore("leads");
      tickets = context.getStateStore("tickets");
      minutes = context.getStateStore("minutes");
      cells = context.getStateStore("cells");
      context.schedule(Duration.ofMillis(200), PunctuationType.WALL_CLOCK_TIME, now -> sumAtEnd());
    }

    @Override
    public void process(Record<byte[], byte[]> event) {
      if (seen++ == 0) {
        mark("first", "");
      }
      try {
        count(JSON.readTree(event.value()));
      } catch (IOException error) {
        throw new UncheckedIOException(error);
      }
      if (seen == expected) {
        mark("last", "");
      }
    }

    private void count(JsonNode event) {
      JsonNode data = event.get("data");
      long atMs = Instant.parse(event.get("time").textValue()).toEpochMilli();
      long minute = atMs / MINUTE_MS;
      see(event.get("subject").textValue(), minute);
      switch (event.get("type").textValue()) {
        case "lead.created" -> {
          leads.put(data.get("lead_id").textValue(), atMs);
          add("leads|" + minute + "|" + data.get("channel").textValue(), 1);
        }
        case "order.placed" -> {
          String channel = data.get("channel").textValue();
          add("revenue|" + minute + "|" + channel, data.get("amount").doubleValue());
          if (leads.get(data.get("lead_id").textValue()) != null) {
            add("matched_orders|" + minute + "|" + channel, 1);
          }
        }
        case "ticket.created" -> tickets.put(data.get("ticket_id").textValue(), atMs);
        case "ticket.message" -> answer(data, atMs, minute);
        case "customer.created" -> add("signed|" + minute, 1);
        case "customer.churned" -> add("churned|" + minute, 1);
        default -> {}
      }
    }

    /** Moves the party to the minute of its last event. */
    private void see(String party, long minute) {
      Long last = minutes.get(party);
      if (last == null || minute > last) {
        if (last != null) {
          add("active|" + last, -1);
        }
        add("active|" + minute, 1);
        minutes.put(party, minute);
      }
    }

    /** The response time: count, sum and bucket of 2 %. */
    private void answer(JsonNode data, long atMs, long minute) {
      Long askedMs = tickets.get(data.get("ticket_id").textValue());
      if (askedMs != null) {
        double waitS = (atMs - askedMs) / 1e3;
        String cell = minute + "|" + data.get("team").textValue();
        int bucket = waitS > 0 ? (int) (Math.log(waitS) * PER_BUCKET) : -1;
        add("responses|" + cell, 1);
        add("response_s|" + cell, waitS);
        add("response_buckets|" + cell + "|" + bucket, 1);
      }
    }

    private void add(String cell, double amount) {
      Double before = cells.get(cell);
      cells.put(cell, before == null ? amount : before + amount);
    }

    private void sumAtEnd() {
      if (seen < expected || summed) {
        return;
      }
      summed = true;
      try (KeyValueIterator<String, Double> all = cells.all()) {
        while (all.hasNext()) {
          KeyValue<String, Double> cell = all.next();
          TOTALS.merge(cell.key.substring(0, cell.key.indexOf('|')), cell.value, Double::sum);
        }
      }
      if (--tasksLeft == 0) {
        TOTALS.remove("response_buckets");
        StringBuilder totals = new StringBuilder();
        TOTALS.forEach(
            (name, sum) ->
                totals.append(String.format(Locale.ROOT, "%s\"%s\": %.3f", totals.isEmpty() ? "" : ", ", name, sum)));
        mark("totals", ", \"totals\": {" + totals + "}");
      }
    }
  }
}
