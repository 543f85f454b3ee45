"""``kaptain.utils`` (K109): what it does in a cluster ``kubectl`` does, as each of its functions says (K255)."""

from marpack.serving.kaptain.values.elsewhere import cluster_function

clean = cluster_function("clean")
clean_all = cluster_function("clean_all")
delete_experiment = cluster_function("delete_experiment")
delete_experiments = cluster_function("delete_experiments")
delete_inference_service = cluster_function("delete_inference_service")
delete_inference_services = cluster_function("delete_inference_services")
delete_job = cluster_function("delete_job")
delete_jobs = cluster_function("delete_jobs")
delete_resource = cluster_function("delete_resource")
diagnose = cluster_function("diagnose")
list_all_resources = cluster_function("list_all_resources")
list_experiments = cluster_function("list_experiments")
list_inference_services = cluster_function("list_inference_services")
list_jobs = cluster_function("list_jobs")
