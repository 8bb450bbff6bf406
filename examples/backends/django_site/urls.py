"""The site's addresses."""

from django.urls import path
from pictures import views

urlpatterns = [
    path("api/login", views.log_in),
    path("api/logout", views.log_out),
    path("api/session", views.session),
    path("api/pictures", views.pictures),
    path("api/images/<str:filename>/url", views.image_url),
]
